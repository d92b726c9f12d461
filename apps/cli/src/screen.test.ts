import { describe, expect, it } from 'vitest';
import { Screen } from './screen.ts';

const escape = '\u001B';
/** Moves the cursor, hides what follows, and turns the direction of writing. */
const hostile = `a${escape}[2J${escape}[8mb\u009B1m\u202Ec`;
const shown = 'a\\u001b[2J\\u001b[8mb\\u009b1m\\u202ec';

function openScreen(isTTY: boolean) {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string) => (written[name] += text),
    isTTY,
  });
  const stdout = output('stdout');
  const screen = new Screen({ stdout, stderr: output('stderr'), isJson: false, noColor: false });
  return { screen, written };
}

describe('a name that would do something to a terminal', () => {
  it('is shown as it is written, in a table', () => {
    const { screen, written } = openScreen(true);
    screen.table([], [[hostile, 1]]);
    expect(written.stdout).toContain(shown);
    expect(written.stdout).not.toContain(`${escape}[8m`);
  });

  it('is shown as it is written in a message, whose lines are kept', () => {
    const { screen, written } = openScreen(true);
    screen.note(`not there: ${hostile}\nwhat to do`);
    expect(written.stderr).toBe(`not there: ${shown}\nwhat to do\n`);
  });

  it('moves nothing in a line', () => {
    const { screen, written } = openScreen(true);
    screen.line(`\n${screen.paint('red', 'wrong')} ${escape}[2J`);
    expect(written.stdout).toBe(`\n${escape}[31mwrong${escape}[39m \\u001b[2J\n`);
  });
});

describe('colours', () => {
  const row = [{ color: 'red', text: 'missing' }, 1] as const;

  it('are there on a terminal', () => {
    const { screen, written } = openScreen(true);
    screen.table(['', 'objects'], [row]);
    expect(written.stdout).toContain(`${escape}[31mmissing${escape}[39m`);
  });

  it('are not there elsewhere', () => {
    const { screen, written } = openScreen(false);
    screen.table(['', 'objects'], [row]);
    screen.line(screen.paint('red', 'wrong'));
    expect(written.stdout).not.toContain(escape);
  });
});
