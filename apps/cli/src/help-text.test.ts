import { describe, expect, it } from 'vitest';
import { wrapHelp } from './help-text.ts';

describe('help', () => {
  it('is filled, paragraph by paragraph', () => {
    const text = `${'word '.repeat(20).trim()}\nand more of the same.\n\nAnother one.`;
    expect(wrapHelp(text)).toBe(
      `${'word '.repeat(15).trim()}\n${'word '.repeat(5).trim()} and more of the same.\n\nAnother one.`,
    );
  });

  it('keeps what is said of a term beside it', () => {
    const said = 'word '.repeat(20).trim();
    expect(wrapHelp(`Keys:\n  obs://   ${said}\n           and more\n  s3://    the same`)).toBe(
      `Keys:\n  obs://   ${'word '.repeat(13).trim()}\n           ${'word '.repeat(7).trim()} and more\n  s3://    the same`,
    );
  });

  it('puts it below a long term', () => {
    const term = 'source_ak, source_sk, source_security_token';
    expect(wrapHelp(`  ${term}   ${'word '.repeat(10).trim()}`)).toBe(
      `  ${term}\n      ${'word '.repeat(10).trim()}`,
    );
  });

  it('leaves commands as they are', () => {
    const command = `  oms-sync reconcile --source s3://photos --destination obs://photos-copy --html report.html`;
    expect(wrapHelp(`Examples:\n${command}`)).toBe(`Examples:\n${command}`);
  });
});
