import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.ts';

describe('a secret', () => {
  const secret = new Secret('a value');

  it('shows itself in no way of printing', () => {
    expect(`${secret.toString()} ${JSON.stringify({ secret })} ${inspect({ secret })}`).toBe(
      '[secret] {"secret":"[secret]"} { secret: [secret] }',
    );
  });

  it('is revealed on demand', () => {
    expect(secret.reveal()).toBe('a value');
  });
});
