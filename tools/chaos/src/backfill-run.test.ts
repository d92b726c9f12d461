import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runBackfillKills } from './backfill-run.ts';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

describe('a backfill that is killed on its way', () => {
  it('skips nothing', async () => {
    const result = await runBackfillKills({ objects: 4000, kills: 3, seed: 3, requestMs: 40, dist });
    expect(result.findings).toEqual([]);
    // The last one may come too late, when there is nothing left to do.
    expect(result.kills).toBeGreaterThanOrEqual(2);
    expect(result.report).toMatchObject({ complete: true, received: 4000, requested: 4000, returned: 0 });
  });

  it('is found out if its checkpoint is ahead of what is settled', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-backfill-code-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const program = path.join(folder, 'oms-sync.js');
    // Before the real tool reads the checkpoint, all parts are called done.
    writeFileSync(
      program,
      `const fs = require('node:fs');
      for (const file of fs.readdirSync('.').filter((name) => name.endsWith('.json'))) {
        const state = JSON.parse(fs.readFileSync(file, 'utf8'));
        for (const part of state.parts) part.isDone = true;
        fs.writeFileSync(file, JSON.stringify(state));
      }
      require(${JSON.stringify(path.join(dist, 'apps/cli/oms-sync.js'))});\n`,
    );
    const { findings } = await runBackfillKills({
      objects: 4000,
      kills: 3,
      seed: 3,
      requestMs: 40,
      dist,
      program,
    });
    expect(findings.map(({ problem }) => problem)).toContainEqual(expect.stringContaining('lost'));
  });
});
