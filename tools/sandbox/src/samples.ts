/** What the sandbox puts into the source bucket first: ordinary names, and some that have broken somebody's code. */
export const samples: readonly { readonly name: string; readonly body: string }[] = [
  { name: 'photos/2026/cat.jpg', body: 'not really a cat' },
  { name: 'reports/Q3 + Q4 (final).csv', body: 'quarter,turnover\n3,1\n4,2\n' },
  { name: 'discounts/100%.txt', body: 'a percent sign that is no escape' },
  { name: 'discounts/100%25.txt', body: 'one that looks like an escape' },
  { name: '中文/日本語/한국어.txt', body: 'CJK' },
  { name: 'emoji/😀 👩‍👩‍👧.txt', body: 'emoji' },
  { name: 'unicode/caf\u00e9 (NFC).txt', body: 'one é' },
  { name: 'unicode/cafe\u0301 (NFD).txt', body: 'e and an accent' },
  { name: `quotes/'single' "double" ~*!.txt`, body: 'quotes' },
  { name: 'lines/first\nsecond.txt', body: 'a newline in the name' },
  { name: 'double//slash.txt', body: 'an empty folder name' },
  { name: 'up/../down.txt', body: 'dots that lead nowhere' },
];
