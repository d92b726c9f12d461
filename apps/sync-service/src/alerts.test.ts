import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';

const rules = fileURLToPath(new URL('../deploy/alerts.yml', import.meta.url));
const hasPromtool = spawnSync('promtool', ['--version']).status === 0;
const isToRun = hasPromtool || process.env['OMS_SYNC_PEERS'] === 'required';

/** Series as promtool writes them: the name with labels, and its values a minute apart. */
type Series = readonly (readonly [string, string])[];

/** Each alert: series by which it fires at a time, and some that are close to it by which it does not. */
const cases: readonly { alert: string; at: string; fires: Series; silent: Series }[] = [
  {
    alert: 'OmsSyncDown',
    at: '5m',
    fires: [['up{job="oms-sync", instance="a"}', '0x10']],
    silent: [['up{job="oms-sync", instance="a"}', '1x10']],
  },
  {
    alert: 'OmsSyncBacklogOld',
    at: '10m',
    fires: [['oms_sync_oldest_unsettled_seconds{job="oms-sync", instance="a"}', '301x15']],
    silent: [['oms_sync_oldest_unsettled_seconds{job="oms-sync", instance="a"}', '300x15']],
  },
  {
    alert: 'OmsSyncNoSuccess',
    at: '30m',
    fires: [
      ['oms_sync_records_delayed_total{job="oms-sync", instance="a", source="smn"}', '0+5x40'],
      ['oms_sync_last_requested_timestamp_seconds{job="oms-sync", instance="a"}', '0x40'],
      ['oms_sync_paused{job="oms-sync", instance="a"}', '0x40'],
    ],
    silent: [
      [
        'oms_sync_records_settled_total{job="oms-sync", instance="a", source="smn", outcome="filtered"}',
        '0+5x40',
      ],
      ['oms_sync_last_requested_timestamp_seconds{job="oms-sync", instance="a"}', '0x40'],
      ['oms_sync_paused{job="oms-sync", instance="a"}', '0x40'],
    ],
  },
  {
    alert: 'OmsSyncFailedListGrows',
    at: '2h',
    fires: [
      [
        'oms_sync_records_settled_total{job="oms-sync", instance="a", source="smn", outcome="unrequested"}',
        '0+1x150',
      ],
      ['oms_sync_failed_list_keys{job="oms-sync", instance="a"}', '0+1x150'],
    ],
    silent: [
      [
        'oms_sync_records_settled_total{job="oms-sync", instance="a", source="smn", outcome="unrequested"}',
        '0+1x150',
      ],
      ['oms_sync_failed_list_keys{job="oms-sync", instance="a"}', '5x150'],
    ],
  },
  {
    alert: 'OmsSyncSourceDown',
    at: '10m',
    fires: [['oms_sync_source_up{job="oms-sync", instance="a", source="queue"}', '0x15']],
    silent: [['oms_sync_source_up{job="oms-sync", instance="a", source="queue"}', '1x15']],
  },
  {
    alert: 'OmsSyncSlotRetention',
    at: '10m',
    fires: [
      [
        'oms_sync_source_backlog{job="oms-sync", instance="a", source="postgres", unit="bytes"}',
        '6000000000x15',
      ],
    ],
    silent: [
      [
        'oms_sync_source_backlog{job="oms-sync", instance="a", source="postgres", unit="messages"}',
        '6000000000x15',
      ],
    ],
  },
  {
    alert: 'OmsSyncNotificationsRefused',
    at: '20m',
    fires: [
      [
        'oms_sync_notifications_refused_total{job="oms-sync", instance="a", source="smn", reason="signature"}',
        '0+5x30',
      ],
    ],
    silent: [
      [
        'oms_sync_notifications_refused_total{job="oms-sync", instance="a", source="smn", reason="signature"}',
        '0 1x30',
      ],
    ],
  },
];

const scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-alerts-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The alerts that fire, as promtool sees them: it shows what it got where it expected none. */
function findFiring(alert: string, at: string, series: Series): string[] {
  const file = path.join(scratch, 'test.yml');
  const tests = [
    {
      interval: '1m',
      input_series: series.map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: [] }],
    },
  ];
  writeFileSync(file, stringify({ rule_files: [rules], evaluation_interval: '1m', tests }));
  const { stdout, stderr, status } = spawnSync('promtool', ['test', 'rules', file], { encoding: 'utf8' });
  const output = `${stdout}${stderr}`;
  const firing = [...output.matchAll(/Labels:\{alertname="(\w+)"/g)].map(([, name = '']) => name);
  if (status !== 0 && firing.length === 0) throw new Error(output);
  return firing;
}

describe.skipIf(!isToRun)(
  `the alerts${isToRun ? '' : ' (needs promtool, see tools/peers/install.sh)'}`,
  () => {
    it('are what promtool takes', () => {
      const { stdout, stderr, status } = spawnSync('promtool', ['check', 'rules', rules], {
        encoding: 'utf8',
      });
      expect(`${stdout}${stderr}`).toContain('SUCCESS');
      expect(status).toBe(0);
    });

    it('have a case each', () => {
      const names = [...readFileSync(rules, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
      expect(cases.map(({ alert }) => alert)).toEqual(names);
    });

    it.each(cases)('$alert fires when it is to, and not otherwise', ({ alert, at, fires, silent }) => {
      expect(findFiring(alert, at, fires)).toEqual([alert]);
      expect(findFiring(alert, at, silent)).toEqual([]);
    });
  },
);
