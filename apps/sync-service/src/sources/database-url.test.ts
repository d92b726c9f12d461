import { describe, expect, it } from 'vitest';
import { parseDatabaseUrl } from './database-url.ts';

describe('the address of a database', () => {
  const parse = parseDatabaseUrl('postgres', 'mysql');

  it.each([
    'postgres://user:password@localhost/database',
    'mysql://user:password@127.0.0.1:3306/database',
    'postgres://user:password@[::1]/database',
    'postgres://user:password@db.example/database?sslmode=verify-full',
    'postgres://user:password@db.example/database?sslmode=disable',
    'mysql://user:password@db.example/database?ssl={"verifyIdentity":true}',
  ])('%s', (text) => {
    expect(parse(text)).toHaveProperty('value.place');
  });

  it.each(['postgres://user:password@db.example/database', 'mysql://user:password@10.0.0.1/database'])(
    '%s is refused: the password would go in plain text',
    (text) => {
      expect(parse(text)).toMatchObject({ expected: expect.stringContaining('sslmode=verify-full') });
    },
  );
});
