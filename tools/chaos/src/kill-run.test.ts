import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { awsLambda, functiongraph } from '@oms-sync/function-hosts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { runKills } from './kill-run.ts';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
const seed = 7;

/** A function that does something else with the real one. */
function writeFunction(code: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-kills-code-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const real = path.join(dist, 'apps/functiongraph/index.js');
  writeFileSync(path.join(folder, 'index.js'), `const real = require(${JSON.stringify(real)});\n${code}\n`);
  return folder;
}

describe('a kill run', () => {
  it.each([
    [functiongraph, 'obs', 'object'],
    [awsLambda, 'file', 'list'],
  ] as const)('of the bundle loses nothing', async (platform, store, layout) => {
    const result = await runKills({ scenario: { platform, store, layout }, kills: 5, seed, dist });
    expect(result.findings).toEqual([]);
    expect(Object.values(result.kills).reduce((sum, count) => sum + count)).toBe(5);
    expect(result.sent).toBeGreaterThan(0);
  });

  it('finds what a function loses that acknowledges too early', async () => {
    const code = writeFunction(`exports.handler = async (event, context) => {
      real.handler(event, context).catch(() => {});
      return {};
    };`);
    const scenario = { platform: functiongraph, store: 'file', layout: 'object' } as const;
    const { findings } = await runKills({ scenario, kills: 5, seed, dist, code });
    expect(findings.map(({ problem }) => problem)).toEqual([expect.stringContaining('lost')]);
  });
});
