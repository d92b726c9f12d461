import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compareNames, type GapReason } from '@oms-sync/listing';
import { chromium as program, chromiumOptions, whyNot } from '@oms-sync/testing';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gap } from './gap.ts';
import { GapSummary } from './gap-summary.ts';
import { renderReport } from './report-page.ts';
import { ReportRows } from './report-rows.ts';
import type { Totals } from './totals.ts';

const needs = whyNot(program);

const hostileNames = [
  '</script><script>window.injected = true</script>',
  '<img src=x onerror="window.injected = true">',
  '"\'><svg onload="window.injected = true">',
  '<!--<script>',
  'evil\u202Egpj.exe',
  'line\nend\u2028and\u0000nothing',
  '\uFF5E beside \u{1F600}',
  'e\u0301 and é',
  '  spaces  ',
];

const reason = (name: string, message: string): GapReason => ({
  name,
  list: 'oms',
  code: 'NoSuchKey',
  message,
  time: 0,
});

const hostileGaps = hostileNames.flatMap((name): Gap[] => [
  missing(`${name}/${name}`, reason(name, '<b onclick="window.injected = true">not there</b>')),
  { ...missing(name), kind: 'stale', stale: { because: 'size', size: 5, modified: 0 } },
]);

function missing(name: string, why?: GapReason): Gap {
  return { kind: 'missing', name, size: 1234, modified: 1_750_000_000_000, stale: undefined, reason: why };
}

function render(gaps: readonly Gap[], changes: Partial<Totals> = {}): string {
  const counts = { same: 1000, missing: 0, stale: 0, extra: 0 };
  const summary = new GapSummary();
  const rows = new ReportRows();
  for (const gap of [...gaps].sort((a, b) => compareNames(a.name, b.name))) {
    counts[gap.kind]++;
    summary.add(gap);
    rows.add(gap);
  }
  const totals: Totals = {
    source: 's3://photos/',
    destination: 'obs://photos-copy/',
    prefix: undefined,
    startedAt: 1_760_000_000_000,
    seconds: 83,
    sourceObjects: 1000,
    destinationObjects: 1000,
    counts,
    leftOut: new Map([['fresh', 3]]),
    isEqual: gaps.length === 0,
    hasReasons: true,
    requests: undefined,
    ...changes,
  };
  return renderReport({ totals, summary, folders: summary.findTopFolders(), rows, wholeList: 'gaps.jsonl' });
}

describe('the rows of the report', () => {
  it('are the first ones; extra objects take no place of others', () => {
    const rows = new ReportRows();
    for (let index = 0; index < 30_000; index++) {
      const gap = missing(String(index).padStart(6, '0'));
      rows.add(index % 2 === 0 ? gap : { ...gap, kind: 'extra' });
    }
    expect(rows.rows.filter(([kind]) => kind === 'missing')).toHaveLength(15_000);
    expect(rows.rows.filter(([kind]) => kind === 'extra')).toHaveLength(5000);
    expect(rows.left).toBe(10_000);
  });
});

describe.skipIf(needs !== undefined)(`the report in a browser${needs ? ` (${needs})` : ''}`, () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await chromium.launch(chromiumOptions());
    folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-report-'));
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true });
  });

  /** Opens it as people do, as a file; with whatever it complains of, and what it would load. */
  async function open(html: string, colorScheme: 'light' | 'dark' = 'light') {
    const file = path.join(folder, 'report.html');
    await writeFile(file, html);
    const context = await browser.newContext({
      colorScheme,
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const page = await context.newPage();
    const complaints: string[] = [];
    const loaded: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => loaded.push(request.url()));
    await page.goto(pathToFileURL(file).href);
    return { page, complaints, loaded };
  }

  const namesOf = (page: Page) => page.locator('#rows .name').allInnerTexts();

  it('shows hostile names as text, and runs nothing of them', async () => {
    const { page, complaints, loaded } = await open(render(hostileGaps));
    expect(await page.locator('#rows tr').count()).toBe(hostileGaps.length);
    const shown = await namesOf(page);
    expect(shown).toContain(hostileNames[0]);
    expect(shown).toContain(hostileNames[1]);
    expect(shown).toContain('evilU+202Egpj.exe');
    expect(shown).toContain('lineU+000AendU+2028andU+0000nothing');
    await page.evaluate("document.querySelectorAll('button').forEach((button) => button.click())");
    expect(await page.evaluate('window.injected')).toBeUndefined();
    expect(complaints).toEqual([]);
    expect(loaded).toHaveLength(1); // The page itself.
    await page.context().close();
  });

  it('runs no script but its own, even if one got in', async () => {
    const html = render([]).replace('</main>', '<script>window.injected = true</script></main>');
    const { page, complaints } = await open(html);
    expect(await page.evaluate('window.injected')).toBeUndefined();
    expect(complaints.join()).toContain('Content Security Policy');
    await page.context().close();
  });

  it('is searched, filtered, sorted and turned by keyboard', async () => {
    const gaps = Array.from({ length: 250 }, (_, index): Gap => {
      const gap = missing(`photos/${String(index).padStart(3, '0')}.jpg`);
      return index % 5 === 0 ? { ...gap, kind: 'extra', size: index } : gap;
    });
    const { page, complaints } = await open(render(gaps));
    const shown = page.locator('#shown');
    expect(await shown.innerText()).toBe('1–100 of 250');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await shown.innerText()).toBe('201–250 of 250');
    await page.keyboard.press('/');
    await page.keyboard.type('/12');
    expect(await shown.innerText()).toBe('1–10 of 10 (filtered from 250)');
    await page.getByRole('checkbox', { name: 'missing' }).press('Space');
    expect(await namesOf(page)).toEqual(['photos/120.jpg', 'photos/125.jpg']);
    await page.getByRole('button', { name: 'Size' }).press('Enter');
    await page.getByRole('button', { name: 'Size' }).press('Enter');
    expect(await namesOf(page)).toEqual(['photos/125.jpg', 'photos/120.jpg']);
    expect(await page.locator('th[aria-sort=descending]').innerText()).toContain('Size');
    await page.keyboard.press('Escape');
    expect(await shown.innerText()).toBe('1–50 of 50 (filtered from 250)');
    await page.locator('#search').fill('nothing like it');
    expect(await shown.innerText()).toBe('No object matches.');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('follows a folder and a reason into the list', async () => {
    const gaps = ['a/1', 'a/2', 'b/1'].map((name) =>
      missing(name, name === 'b/1' ? reason(name, '') : undefined),
    );
    const { page } = await open(render(gaps));
    await page.getByRole('button', { name: 'a/', exact: true }).click();
    expect(await namesOf(page)).toEqual(['a/1', 'a/2']);
    await page.getByRole('button', { name: 'OMS failed: NoSuchKey' }).click();
    expect(await namesOf(page)).toEqual(['b/1']);
    await page.context().close();
  });

  it('copies the true name', async () => {
    const name = hostileNames[4] ?? '';
    const { page } = await open(render([missing(name)]));
    await page.locator('.copy').press('Enter');
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(name);
    await page.context().close();
  });

  it('is dark where that is preferred, and where it is asked for', async () => {
    const background = (page: Page) => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await open(render([]));
    const dark = await open(render([]), 'dark');
    const [white, black] = [await background(light.page), await background(dark.page)];
    expect(white).not.toBe(black);
    await light.page.locator('#theme').click();
    expect(await background(light.page)).toBe(black);
    for (const { page } of [light, dark]) await page.context().close();
  });

  it('says what it leaves out, and what was requested', async () => {
    const gaps = Array.from({ length: 15_010 }, (_, index) => missing(String(index).padStart(6, '0')));
    const requests = {
      isDryRun: false,
      wanted: 15_010,
      requested: 15_000,
      unrequested: 10,
      problem: undefined,
    };
    const { page } = await open(render(gaps, { requests }));
    expect(await page.locator('#cut').innerText()).toBe(
      'This page holds the first 15,000 of 15,010 differences. The whole list is in gaps.jsonl.',
    );
    expect(await page.locator('.notice').first().innerText()).toContain(
      'Requested 15,000 objects from OMS; 10 could not be requested.',
    );
    await page.context().close();
  });

  it('of equal buckets says so', async () => {
    const { page, complaints } = await open(render([]));
    expect(await page.locator('h1').innerText()).toContain('Source and destination are equal');
    expect(await page.locator('#rows').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.context().close();
  });
});
