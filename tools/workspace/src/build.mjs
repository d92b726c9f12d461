// Builds what `npm start` and `npm test` need (the arguments go to `nx run-many -t build`), and shows only what matters:
// that it is at it, and everything that nx printed if it failed.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');
console.log('Building ...');
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [
    path.join(root, 'node_modules/nx/dist/bin/nx.js'),
    'run-many',
    '-t',
    'build',
    '--output-style=static',
    ...process.argv.slice(2),
  ],
  { cwd: root, encoding: 'utf8' },
);
if (status !== 0) {
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exit(status ?? 1);
}
