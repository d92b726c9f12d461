import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const unit = fileURLToPath(new URL('../deploy/oms-sync.service', import.meta.url));
// It looks for the program of the unit, too.
const isToRun = spawnSync('systemd-analyze', ['--version']).status === 0 && existsSync('/usr/bin/node');

describe.skipIf(!isToRun)(
  `the systemd unit${isToRun ? '' : ' (needs systemd-analyze and /usr/bin/node)'}`,
  () => {
    it('is what systemd takes', () => {
      const { stdout, stderr, status } = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`).toBe('');
      expect(status).toBe(0);
    });
  },
);
