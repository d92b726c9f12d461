import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { chromium as program, chromiumOptions, testKeys, whyNot } from '@oms-sync/testing';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

const needs = whyNot(program);
const built = fileURLToPath(new URL('../../../../dist/apps/sync-service/main.js', import.meta.url));
const webhookToken = 'a-token-of-a-sender';
const token = 'a-token-of-operations';
/** Where to put screenshots for people to look at. */
const screenshots = process.env['OMS_SYNC_SCREENSHOTS'];

const hostileNames = [
  '</script><script>window.injected = true</script>',
  '<img src=x onerror="window.injected = true">',
  'evil\u202Egpj.exe',
  'line\nend\u2028and more',
  ' between spaces ',
  '\u{1F600} e\u0301 and é',
];

describe.skipIf(needs !== undefined)(`the dashboard in a browser${needs ? ` (${needs})` : ''}`, () => {
  let browser: Browser;
  let scratch: string;
  let oms: OmsStandin;
  let taskUrl: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-dashboard-'));
    oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
    taskUrl = oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' }));
    browser = await chromium.launch(chromiumOptions());
  });
  afterEach(() => {
    oms.faults.clear();
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await browser.close();
    await oms.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function startService(settings: Record<string, string> = {}) {
    const folder = mkdtempSync(path.join(scratch, 'service-'));
    const child = spawn(process.execPath, [built], {
      env: {
        listen: '127.0.0.1:0',
        queue_folder: path.join(folder, 'queue'),
        webhook_token: webhookToken,
        sync_url: taskUrl,
        log_bucket: `file://${folder}/lists`,
        log_level: 'debug',
        hw_ak: testKeys.accessKey,
        hw_sk: testKeys.secretKey,
        hw_security_token: testKeys.securityToken,
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)));
    const readAddress = () => /"address":"([^"]+)"/.exec(output)?.[1];
    await expect.poll(readAddress, { timeout: 20_000 }).toBeDefined();
    const address = String(readAddress());
    const notify = async (names: readonly string[]) => {
      const records = names.map((name) => ({
        eventVersion: '2.0',
        eventSource: 'minio:s3',
        eventName: 's3:ObjectCreated:Put',
        s3: { bucket: { name: 'source' }, object: { key: encodeURIComponent(name) } },
      }));
      const answer = await fetch(new URL('/notifications/webhook', address), {
        method: 'POST',
        headers: { authorization: `Bearer ${webhookToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ Records: records }),
      });
      expect(answer.status).toBe(200);
    };
    return { child, address, notify, output: () => output };
  }

  /** The page, with whatever it complains of and what it loads. */
  async function open(address: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    const loaded: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => loaded.push(request.url()));
    await page.goto(address);
    return { page, complaints, loaded };
  }

  const state = (page: Page) => page.locator('#state-text');
  const shoot = async (page: Page, name: string) => {
    if (screenshots === undefined) return;
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: path.join(screenshots, `${name}-${colorScheme}.png`), fullPage: true });
    }
  };

  it('shows what the service does, is used by keyboard, and loads nothing from elsewhere', async () => {
    const { address, notify } = await startService();
    const { page, complaints, loaded } = await open(address);
    await expect.poll(() => state(page).innerText()).toBe('Running');
    await shoot(page, 'idle');
    await notify(Array.from({ length: 20 }, (_, index) => `photos/${index}.jpg`));
    const requested = page.locator('#requested');
    await expect.poll(() => requested.innerText(), { timeout: 10_000 }).toBe('20 of 20 received');
    const plot = page.getByRole('img', { name: /received .* at most/ });
    await expect.poll(() => plot.getAttribute('aria-label'), { timeout: 15_000 }).toContain('received 4/s');
    expect(await page.locator('#sources').innerText()).toContain('running');

    await page.getByRole('button', { name: 'Pause' }).press('Enter');
    await expect.poll(() => state(page).innerText()).toBe('Paused');
    await page.getByRole('button', { name: 'Resume' }).press('Enter');
    await expect.poll(() => state(page).innerText()).toBe('Running');
    expect(complaints).toEqual([]);
    expect(loaded.filter((url) => !url.startsWith(address) && !url.startsWith('data:'))).toEqual([]);
    await page.context().close();
  });

  it('shows the rate limit, and changes it, by keyboard', async () => {
    const { address, output } = await startService({ rate_limit: '500', token });
    const { page, complaints } = await open(address);
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
    const limit = page.getByRole('spinbutton', { name: 'Rate limit' });
    await expect.poll(() => limit.inputValue()).toBe('500');
    const outcome = page.locator('#outcome');
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const tell = (body: string) => fetch(new URL('/rate', address), { method: 'POST', headers, body });
    const ask = async () => (await fetch(new URL('/status', address), { headers })).json();

    // Somebody else changes it: shown, but not to whoever is about to change it.
    await tell('{"rate_limit": 70}');
    await expect.poll(() => limit.inputValue(), { timeout: 10_000 }).toBe('70');
    await limit.fill('9');
    const answer = await page.waitForResponse(/status/);
    await answer.finished();
    expect(await limit.inputValue()).toBe('9');
    await limit.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => outcome.innerText()).toContain('At most 9 objects a second are requested now');
    expect(await ask()).toMatchObject({ rate_limit: 9 });

    await limit.fill('0');
    await limit.press('Enter');
    expect(await page.evaluate("document.querySelector('#rate-limit:invalid') !== null")).toBe(true);
    expect(await ask()).toMatchObject({ rate_limit: 9 });
    await limit.fill('');
    await limit.press('Enter');
    await expect.poll(() => outcome.innerText()).toContain('no limit now');
    expect(await ask()).not.toHaveProperty('rate_limit');
    expect(output()).toContain('rate limit changed');
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
    await page.context().close();
  });

  it('shows hostile names as text, says why they failed, and replays them', async () => {
    oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', errorMessage: '<b>no</b>' }]);
    const { address, notify } = await startService();
    await notify(hostileNames);
    const { page, complaints } = await open(address);
    const names = page.locator('#failures .name');
    await expect.poll(() => names.count(), { timeout: 15_000 }).toBe(hostileNames.length);
    const shown = await names.allInnerTexts();
    expect(shown).toContain(hostileNames[0]);
    expect(shown).toContain(hostileNames[1]);
    expect(shown).toContain('evilU+202Egpj.exe');
    expect(shown).toContain('lineU+000AendU+2028and more');
    expect(shown).toContain('U+0020between spacesU+0020');
    expect(await page.locator('#failures .why').first().innerText()).toContain('OMS.0064: <b>no</b>');
    await shoot(page, 'failing');
    expect(await page.evaluate('window.injected')).toBeUndefined();
    await page.setViewportSize({ width: 400, height: 800 });
    const box = await page.locator('#failures .why').first().boundingBox();
    expect(box?.width).toBeGreaterThan(250); // Not a letter a line beside the name.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);

    oms.faults.clear();
    const outcome = page.locator('#outcome');
    // Not while OMS takes nothing.
    await expect.poll(() => state(page).innerText(), { timeout: 15_000 }).toBe('Running');
    await page.getByRole('button', { name: 'Replay the failed list' }).press('Enter');
    await expect
      .poll(() => outcome.innerText(), { timeout: 15_000 })
      .toBe(`Replay: ${hostileNames.length} requested, 0 failed again.`);
    await page.getByRole('button', { name: 'Replay the failed list' }).click();
    await expect.poll(() => outcome.innerText(), { timeout: 15_000 }).toContain('nothing on the failed list');
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it('says what is in the way, and when the connection is lost and back', async () => {
    oms.faults.set([{ kind: 'answer', status: 503 }]);
    const { address, child, notify } = await startService({ max_attempts: '1' });
    await notify(['a', 'b']);
    const { page } = await open(address);
    await expect.poll(() => state(page).innerText(), { timeout: 15_000 }).toContain('takes nothing');
    expect(await page.locator('#hindrances').innerText()).toContain('must be delivered again');
    await page.getByRole('button', { name: 'Replay the failed list' }).click();
    await expect
      .poll(() => page.locator('#outcome').innerText())
      .toContain('Not done: OMS, or the log bucket');
    await shoot(page, 'resting');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(() => state(page).innerText(), { timeout: 15_000 }).toBe('Connection lost');
    expect(await page.getByRole('alert').first().innerText()).toContain('The service does not answer.');
    expect(await page.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true);
    await shoot(page, 'lost');

    oms.faults.clear();
    await startService({ listen: new URL(address).host });
    await expect.poll(() => state(page).innerText(), { timeout: 15_000 }).toBe('Running');
    expect(await page.locator('#lost').isHidden()).toBe(true);
    await page.context().close();
  });

  it('asks for the token, which goes into no address and no log', async () => {
    const { address, output } = await startService({ token });
    const { page, loaded } = await open(address, { viewport: { width: 390, height: 844 } });
    const input = page.getByLabel('Token');
    await expect.poll(() => input.isVisible()).toBe(true);
    await shoot(page, 'login');
    await input.fill('another-token-of-operations');
    await input.press('Enter');
    await expect.poll(() => page.locator('#login-problem').innerText()).toContain('found another one');
    await input.fill(token);
    await input.press('Enter');
    await expect.poll(() => state(page).innerText()).toBe('Running');
    await page.reload();
    await expect.poll(() => state(page).innerText()).toBe('Running');
    await page.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => state(page).innerText()).toBe('Paused');
    await shoot(page, 'phone');
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.getByRole('button', { name: 'Log out' }).click();
    await expect.poll(() => input.isVisible()).toBe(true);
    expect(loaded.join('\n')).not.toContain('token-of-operations');
    expect(output()).not.toContain('token-of-operations');
    await page.context().close();
  });

  it('runs no script but its own, even if one got in', async () => {
    const { address } = await startService();
    const { page, complaints } = await open(address);
    await page.evaluate(
      "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.injected = true' }))",
    );
    expect(await page.evaluate('window.injected')).toBeUndefined();
    expect(complaints.join()).toContain('Content Security Policy');
    await page.context().close();
  });

  it('tells nothing of the service to whoever has no token, or another name for this machine', async () => {
    const { address } = await startService({ token });
    expect((await fetch(new URL('/status', address))).status).toBe(401);
    expect(
      (await fetch(new URL('/status', address), { headers: { authorization: `Bearer ${token}` } })).status,
    ).toBe(200);
    const page = await fetch(address);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  });
});
