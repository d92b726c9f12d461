/** What else stands in the names: each must come through unchanged. */
const ugly = ['', ' a b', '+ü', '%2F', '\'"', '数据', '🙂', '\u0301', '//', '.', '?&#'];

/** The name of an object by its number. */
export function makeName(number: number): string {
  return `soak/${number}/${ugly[number % ugly.length] ?? ''}`;
}

/** The number that is in a name, or undefined if it is not one of ours, letter by letter. */
export function readNumber(name: string): number | undefined {
  const number = Number(/^soak\/(\d+)\//.exec(name)?.[1]);
  return makeName(number) === name ? number : undefined;
}
