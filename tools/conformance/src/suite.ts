import { execFileSync } from 'node:child_process';
import { platforms, type Platform } from '@oms-sync/function-hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { behaviours, type Behaviour } from './behaviours.ts';
import { writeColumn, type Outcome } from './outcomes.ts';
import { ownStoreBehaviours } from './own-store.ts';
import { Scene } from './scene.ts';

// Every behaviour, on a platform's built bundle, on every version of Node.js that the platform offers. Without
// OMS_SYNC_NODES=platform (which lets npm fetch those versions), the Node.js that runs the tests runs the bundles.
const onEveryVersion = process.env['OMS_SYNC_NODES'] === 'platform';
const allBehaviours = [...behaviours, ...ownStoreBehaviours];
const rows = allBehaviours.map(({ name }) => name);

/** Behaviours, and where the lists live while they are looked at. */
interface Group {
  readonly store: Platform['store'];
  readonly behaviours: readonly Behaviour[];
}

/** Holds all behaviours against the bundle of a platform. */
export function describePlatform(platform: Platform): void {
  const versions = onEveryVersion ? platform.nodeVersions : [process.versions.node];

  describe(platform.name, () => {
    it('explains only behaviours that there are', () => {
      expect(rows).toEqual(expect.arrayContaining(Object.keys(platform.cannot)));
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
    const outcomes = explain(platform);
    const order = platforms.findIndex(({ name }) => name === platform.name);
    afterAll(() => writeColumn({ platform: platform.name, version, order, rows, outcomes }));

    describe.each(groupsOf(platform).map((group) => [group.store, group] as const))(
      'with lists in %s',
      (_, group) => {
        let scene: Scene;
        beforeAll(async () => {
          scene = await Scene.open(platform, findNode(version), group.store);
        }, 120_000);
        afterEach(() => scene.reset());
        afterAll(() => scene.close());

        for (const { name, meaning, check } of group.behaviours.filter((each) => !(each.name in outcomes))) {
          // oxlint-disable-next-line vitest/expect-expect -- each check has its own
          it(`${name}: ${meaning}`, { timeout: 120_000 }, async () => {
            outcomes[name] = { kind: 'failed' };
            await check(scene);
            await scene.reset();
            outcomes[name] = { kind: 'passed' };
          });
        }
      },
    );
  });
}

function groupsOf({ store }: Platform): Group[] {
  const common: Group = { store: 'obs', behaviours };
  return store === 'obs' ? [common] : [common, { store, behaviours: ownStoreBehaviours }];
}

/** What the platform cannot have, and why. */
function explain({ store, cannot }: Platform): Record<string, Outcome> {
  const reasons = Object.entries(cannot);
  if (store === 'obs') {
    for (const { name } of ownStoreBehaviours)
      reasons.push([name, 'its own store is OBS, as in the rows above']);
  }
  return Object.fromEntries(reasons.map(([name, reason]) => [name, { kind: 'explained', reason }]));
}

/** The path of a version of Node.js; npm fetches it. */
function findNode(version: string): string {
  if (version === process.versions.node) return process.execPath;
  const args = ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'];
  return execFileSync('npx', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
