import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { expect, it, onTestFinished } from 'vitest';
import { readLists } from './lists.ts';

const stem = '20261122T165800.123Z-01234567-89ab-cdef-0123-456789abcdef';

it('the lists are read in both layouts, with what a replay has in hand', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-lists-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const objects = new ObjectFolder(folder);
  const entry = (name: string) => `${JSON.stringify({ name, reason_class: 'passing' })}\n`;
  const files: Record<string, string> = {
    'success_object/a.txt': entry('a.txt'),
    [`success_object/2026/11/22/${stem}.txt`]: 'b%20b\nc\n',
    'failed_object/.long/0123': entry('d'),
    [`failed_object/2026/11/22/${stem}.txt`]: 'e\n',
    [`failed_object/2026/11/22/${stem}.jsonl`]: entry('e') + entry('only a reason'),
    [`failed_object/.replay/${stem}.jsonl`]: entry('f') + '{"name":"g"}\n',
    [`parked_object/2026/11/22/${stem}.jsonl`]: entry('h'),
  };
  for (const [key, body] of Object.entries(files)) await objects.write(`oms_source_record/${key}`, body);
  const { requested, failed, text } = await readLists(folder);
  expect([...requested].sort()).toEqual(['a.txt', 'b b', 'c']);
  expect(Object.fromEntries(failed)).toEqual({
    d: 'passing',
    e: 'passing',
    f: 'passing',
    g: undefined,
    h: 'passing',
  });
  expect(text).toContain('only a reason');
});
