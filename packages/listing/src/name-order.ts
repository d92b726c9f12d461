/**
 * Compares names as stores order them: by their UTF-8 bytes. That is the order of the code points, but not JavaScript's,
 * which compares UTF-16: there an emoji (U+1F600) stands before U+FF5E.
 *
 * @returns below 0 if `a` stands before `b`, 0 if they are the same, above 0 otherwise.
 */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const unitA = a.charCodeAt(index);
    const unitB = b.charCodeAt(index);
    if (unitA === unitB) continue;
    // A surrogate stands for a code point above all that are one unit, so behind U+E000 to U+FFFF.
    return isSurrogate(unitA) === isSurrogate(unitB) ? unitA - unitB : isSurrogate(unitA) ? 1 : -1;
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
