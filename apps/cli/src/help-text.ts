/** How wide help is at most: what fits into any terminal. */
const columns = 78;

/**
 * Fits help into a terminal: paragraphs are filled, and what is said of a term in a list (two spaces, the term, two spaces
 * or more, the text) stays beside it. Indented lines without such a gap stand as they are: commands to be copied.
 */
export function wrapHelp(text: string): string {
  return joinLines(text.split('\n')).map(wrapLine).join('\n');
}

/** What belongs together becomes one line. */
function joinLines(lines: readonly string[]): string[] {
  const joined: string[] = [];
  for (const line of lines) {
    const last = joined.at(-1) ?? '';
    const indent = indentOf(line);
    const goesOn = indent === 0 ? indentOf(last) === 0 : indent === textColumn(last);
    if (last !== '' && line !== '' && goesOn) joined[joined.length - 1] = `${last} ${line.trim()}`;
    else joined.push(line);
  }
  return joined;
}

function wrapLine(line: string): string {
  const indent = textColumn(line) ?? 0;
  if (line.length <= columns || (indent === 0 && indentOf(line) > 0)) return line;
  // Beside a long term there is no room.
  const isBeside = indent <= columns / 2;
  const term = line.slice(0, indent);
  const hanging = ' '.repeat(isBeside ? indent : 6);
  const lines = isBeside ? [term.slice(0, -1)] : [term.trimEnd(), hanging.slice(1)];
  for (const word of line.slice(indent).split(' ')) {
    const last = lines.at(-1) ?? '';
    const isFull = last.trim() !== '' && last.length + 1 + word.length > columns;
    if (isFull) lines.push(`${hanging}${word}`);
    else lines[lines.length - 1] = last === '' && indent === 0 ? word : `${last} ${word}`;
  }
  return lines.join('\n');
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Where the text beside a term begins; undefined if the line has no term. */
function textColumn(line: string): number | undefined {
  return /^ {2,}\S+(?: \S+)* {2,}(?=\S)/.exec(line)?.[0].length;
}
