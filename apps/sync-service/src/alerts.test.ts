import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { runPromtool, whyNoPromtool } from './promtool.test-help.ts';

const rules = fileURLToPath(new URL('../deploy/alerts.yml', import.meta.url));

/** Series as promtool writes them: the name with labels, and its values a minute apart. */
type Series = readonly (readonly [string, string])[];

const nothingTaken: Series = [
  ['oms_sync_last_requested_timestamp_seconds{job="oms-sync", instance="a"}', '0x40'],
  ['oms_sync_paused{job="oms-sync", instance="a"}', '0x40'],
];
const started = 'process_start_time_seconds{job="oms-sync", instance="a"}';

/** Each alert: series by which it fires at a time, and others that are close to them by which it does not. */
const cases: readonly { alert: string; at: string; fires: Series; silent: readonly Series[] }[] = [
  {
    alert: 'OmsSyncDown',
    at: '5m',
    fires: [['up{job="oms-sync", instance="a"}', '0x10']],
    silent: [[['up{job="oms-sync", instance="a"}', '1x10']]],
  },
  {
    alert: 'OmsSyncBacklogOld',
    at: '10m',
    fires: [['oms_sync_oldest_unsettled_seconds{job="oms-sync", instance="a"}', '301x15']],
    silent: [[['oms_sync_oldest_unsettled_seconds{job="oms-sync", instance="a"}', '300x15']]],
  },
  {
    alert: 'OmsSyncNoSuccess',
    at: '30m',
    fires: [
      ['oms_sync_records_delayed_total{job="oms-sync", instance="a", source="smn"}', '0+5x40'],
      ...nothingTaken,
      [started, '0x40'],
    ],
    silent: [
      [
        [
          'oms_sync_records_settled_total{job="oms-sync", instance="a", source="smn", outcome="filtered"}',
          '0+5x40',
        ],
        ...nothingTaken,
        [started, '0x40'],
      ],
      // Started ten minutes ago: it has never had a request taken, as after any start.
      [
        ['oms_sync_records_delayed_total{job="oms-sync", instance="a", source="smn"}', '0+5x40'],
        ...nothingTaken,
        [started, '1200x40'],
      ],
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
        [
          'oms_sync_records_settled_total{job="oms-sync", instance="a", source="smn", outcome="unrequested"}',
          '0+1x150',
        ],
        ['oms_sync_failed_list_keys{job="oms-sync", instance="a"}', '5x150'],
      ],
    ],
  },
  {
    alert: 'OmsSyncSourceDown',
    at: '10m',
    fires: [['oms_sync_source_up{job="oms-sync", instance="a", source="queue"}', '0x15']],
    silent: [[['oms_sync_source_up{job="oms-sync", instance="a", source="queue"}', '1x15']]],
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
        [
          'oms_sync_source_backlog{job="oms-sync", instance="a", source="postgres", unit="messages"}',
          '6000000000x15',
        ],
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
        [
          'oms_sync_notifications_refused_total{job="oms-sync", instance="a", source="smn", reason="signature"}',
          '0 1x30',
        ],
      ],
      // Whoever looks around on the address is no sender.
      [
        [
          'oms_sync_notifications_refused_total{job="oms-sync", instance="a", source="http", reason="not_found"}',
          '0+5x30',
        ],
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
  const { output, status } = runPromtool('test', 'rules', file);
  const firing = [...output.matchAll(/Labels:\{alertname="(\w+)"/g)].map(([, name = '']) => name);
  if (status !== 0 && firing.length === 0) throw new Error(output);
  return firing;
}

describe.skipIf(whyNoPromtool !== undefined)(
  `the alerts${whyNoPromtool ? ` (${whyNoPromtool})` : ''}`,
  () => {
    it('are what promtool takes', () => {
      const { output, status } = runPromtool('check', 'rules', rules);
      expect(output).toContain('SUCCESS');
      expect(status).toBe(0);
    });

    it('have a case each', () => {
      const names = [...readFileSync(rules, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
      expect(cases.map(({ alert }) => alert)).toEqual(names);
    });

    it.each(cases)('$alert fires when it is to, and not otherwise', ({ alert, at, fires, silent }) => {
      expect(findFiring(alert, at, fires)).toEqual([alert]);
      for (const series of silent) expect(findFiring(alert, at, series)).toEqual([]);
    });
  },
);
