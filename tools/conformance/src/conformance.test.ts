import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { behaviours } from './behaviours.ts';
import { platforms } from '@oms-sync/function-hosts';
import { Scene } from './scene.ts';
import { Table } from './table.ts';

// Every behaviour, on every platform's built bundle, on every version of Node.js that the platform offers. Without
// OMS_SYNC_NODES=platform (which lets npm fetch those versions), the Node.js that runs the tests runs the bundles.
const onEveryVersion = process.env['OMS_SYNC_NODES'] === 'platform';
const table = new Table(behaviours);

afterAll(() => {
  console.log(table.print());
});

for (const platform of platforms) {
  const versions = onEveryVersion ? platform.nodeVersions : [process.versions.node];
  for (const version of versions) table.addColumn(platform.name, version);

  describe(platform.name, () => {
    it('explains only behaviours that there are', () => {
      const names = behaviours.map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining(Object.keys(platform.cannot)));
    });

    for (const version of platform.nodeVersions) {
      it.skipIf(!versions.includes(version))(
        `runs on Node.js ${version} (OMS_SYNC_NODES=platform does that)`,
        () => {
          expect(versions).toContain(version);
        },
      );
    }
  });

  describe.each(versions)(`${platform.name} on Node.js %s`, (version) => {
    let scene: Scene;
    beforeAll(async () => {
      scene = await Scene.open(platform, findNode(version));
    }, 120_000);
    afterEach(() => scene.reset());
    afterAll(() => scene.close());

    for (const behaviour of behaviours) {
      const reason = platform.cannot[behaviour.name];
      if (reason !== undefined) {
        table.explain(platform.name, version, behaviour.name, reason);
        continue;
      }
      it(`${behaviour.name}: ${behaviour.meaning}`, { timeout: 120_000 }, async () => {
        table.fail(platform.name, version, behaviour.name);
        await behaviour.check(scene);
        table.pass(platform.name, version, behaviour.name);
      });
    }
  });
}

/** The path of a version of Node.js; npm fetches it. */
function findNode(version: string): string {
  if (version === process.versions.node) return process.execPath;
  const args = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  return execFileSync('npx', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
