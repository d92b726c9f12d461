// Installs what the workspace needs, if it is not there yet: `npm start` and `npm test` on a fresh clone call it first.
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * Is `node_modules` what package-lock.json asks for? npm writes `.package-lock.json` at the end of every
 * install, so a lock file that is newer means that the last install was before it changed.
 */
function isInstalled() {
  const lock = statSync(path.join(root, 'package-lock.json'));
  const installed = statSync(path.join(root, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= lock.mtimeMs;
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  console.error(`oms-sync needs Node.js ${engines.node}, this is ${process.version}.`);
  process.exit(2);
}
if (!isInstalled()) {
  console.log('Installing dependencies (npm ci), once ...');
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) process.exit(status ?? 1);
}
