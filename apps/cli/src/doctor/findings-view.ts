import { formatNumberOf, showName, type Paint } from '../screen.ts';
import { verdicts, type Finding, type Verdict } from './finding.ts';

const colors = { ok: 'green', warning: 'yellow', wrong: 'red', 'not checked': 'dim' } as const;
const verdictWidth = Math.max(...verdicts.map((verdict) => verdict.length)) + 2;

/** Each finding as a line, or as many as it takes, with what to do under it. */
export function formatFindings(findings: readonly Finding[], columns: number, paint: Paint): string[] {
  const checkWidth = Math.max(...findings.map(({ check }) => check.length)) + 2;
  const indent = verdictWidth + checkWidth;
  const width = Math.max(20, columns - indent);
  return findings.flatMap(({ check, verdict, found, mend }) => {
    const head = paint(colors[verdict], verdict.padEnd(verdictWidth)) + check.padEnd(checkWidth);
    const text = wrap(showName(found), width);
    const advice = mend === undefined ? [] : wrap(showName(mend), width - 2);
    return [
      ...text.map((line, index) => (index === 0 ? `${head}${line}` : `${' '.repeat(indent)}${line}`)),
      ...advice.map(
        (line, index) =>
          `${' '.repeat(indent)}${index === 0 ? paint('cyan', '→ ') : '  '}${paint('cyan', line)}`,
      ),
    ];
  });
}

/** How many of which verdict. */
export function countVerdicts(findings: readonly Finding[]): Readonly<Record<Verdict, number>> {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length;
  return {
    ok: count('ok'),
    warning: count('warning'),
    wrong: count('wrong'),
    'not checked': count('not checked'),
  };
}

/** `1 wrong, 2 warnings, 9 ok, 3 not checked`. */
export function formatSummary(findings: readonly Finding[], paint: Paint): string {
  const counts = countVerdicts(findings);
  const parts = [
    counts.wrong > 0 && paint('red', `${counts.wrong} wrong`),
    counts.warning > 0 && paint('yellow', formatNumberOf(counts.warning, 'warning')),
    paint('green', `${counts.ok} ok`),
    counts['not checked'] > 0 && `${counts['not checked']} not checked`,
  ];
  return parts.filter((part) => part !== false).join(', ');
}

/** Breaks a text between words; a word that is too long for a line is broken within. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
    while (line.length > width) {
      lines.push(line.slice(0, width));
      line = line.slice(width);
    }
  }
  return [...lines, line];
}
