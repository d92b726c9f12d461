import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { runPromtool, whyNoPromtool } from './promtool.test-help.ts';

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: Place;
  readonly datasource?: unknown;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly datasource?: unknown;
}

interface GrafanaDashboard {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly time: { readonly from: string; readonly to: string };
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

const text = readFileSync(new URL('../deploy/grafana.json', import.meta.url), 'utf8');
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there fails below
const dashboard = JSON.parse(text) as GrafanaDashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
/** Grafana's grid is so wide. */
const columns = 24;
const chosen = { type: 'prometheus', uid: '${datasource}' };

describe('the dashboard for Grafana', () => {
  it('is one that can be imported', () => {
    expect(dashboard).toMatchObject({
      title: 'oms-sync',
      uid: 'oms-sync',
      time: { from: expect.any(String), to: 'now' },
    });
    expect(dashboard).not.toHaveProperty('id'); // Grafana gives it one.
    expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36); // From then on a datasource is an object.
  });

  it('lets people choose the datasource, and names none', () => {
    const { list } = dashboard.templating;
    expect(list.map(({ name, type }) => `${name}: ${type}`)).toEqual([
      'datasource: datasource',
      'instance: query',
    ]);
    expect(list[1]?.datasource).toEqual(chosen);
    for (const { datasource } of panels) expect(datasource).toEqual(chosen);
    const uids = new Set([...text.matchAll(/"uid": "([^"]*)"/g)].map(([, uid]) => uid));
    expect(uids).toEqual(new Set([dashboard.uid, chosen.uid]));
  });

  it('has panels that say what they show, each with an id of its own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { title, type, description, targets = [], fieldConfig } of panels) {
      expect(title).not.toBe('');
      expect(['timeseries', 'stat', 'state-timeline']).toContain(type);
      expect(description, title).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit, title).toBeTypeOf('string');
      expect(targets, title).not.toHaveLength(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  it('has no panel on top of another one, nor beyond the edge', () => {
    const cells = dashboard.panels.flatMap(({ gridPos }) => listCells(gridPos));
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(columns);
  });

  it.skipIf(whyNoPromtool !== undefined)(
    `asks in words that Prometheus knows${whyNoPromtool ? ` (${whyNoPromtool})` : ''}`,
    () => {
      const rules = panels.flatMap(({ targets = [] }) =>
        targets.map(({ expr }, index) => ({
          record: `panel:${index}`,
          expr: expr.replaceAll('$__rate_interval', '5m'),
          labels: { expr },
        })),
      );
      const scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-grafana-'));
      const file = path.join(scratch, 'rules.yml');
      writeFileSync(file, stringify({ groups: [{ name: 'grafana', rules }] }));
      const { output } = runPromtool('check', 'rules', file);
      rmSync(scratch, { recursive: true, force: true });
      expect(output).toContain(`SUCCESS: ${rules.length} rules found`);
      expect(rules.length).toBeGreaterThan(panels.length);
    },
  );
});

/** `x,y` of each cell that a panel covers. */
function listCells({ x, y, w, h }: Place): string[] {
  return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
}
