import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let copy: string;

// A copy of the workspace's sources, to plant a forbidden import in.
beforeEach(() => {
  copy = mkdtempSync(path.join(tmpdir(), 'oms-sync-boundaries-'));
  cpSync(path.join(root, 'package.json'), path.join(copy, 'package.json'));
  for (const parent of ['packages', 'apps', 'tools']) {
    cpSync(path.join(root, parent), path.join(copy, parent), { recursive: true });
  }
});

afterEach(() => rmSync(copy, { recursive: true, force: true }));

function lint() {
  const script = path.join(root, 'tools/workspace/src/boundaries.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, copy], { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describe('the lint of boundaries', () => {
  it('passes what is here', () => {
    const { status, output } = lint();
    expect(output).toContain(' 0 forbidden imports');
    expect(status).toBe(0);
  });

  it.each([
    ['packages/core', "import '@oms-sync/log-bucket';", 'forbidden for "name:core"'],
    ['packages/core', "void import('esdk-obs-nodejs');", 'forbidden for "name:core"'],
    ['packages/storage-events', "import 'node:fs';", 'forbidden for "name:storage-events"'],
    ['packages/storage-events', "import '@oms-sync/core';", 'forbidden for "name:storage-events"'],
    ['packages/log-bucket', "import '@oms-sync/storage-events';", 'forbidden for "name:log-bucket"'],
    ['apps/functiongraph', "import '@oms-sync/oms-standin';", 'forbidden for "type:app"'],
    [
      'apps/functiongraph',
      "export const sdk = require('@aws-sdk/client-s3');",
      'forbidden for "platform:functiongraph"',
    ],
    ['apps/functiongraph', "import '../../../packages/core/src/index.ts';", 'leaves its project'],
    ['tools/sandbox', "import 'fast-check';", 'not declared in tools/sandbox/package.json'],
  ])('refuses in %s: %s', (project, statement, complaint) => {
    writeFileSync(path.join(copy, project, 'src/planted.ts'), `${statement}\n`);
    const { status, output } = lint();
    expect(output).toContain('src/planted.ts');
    expect(output).toContain(complaint);
    expect(status).toBe(1);
  });
});
