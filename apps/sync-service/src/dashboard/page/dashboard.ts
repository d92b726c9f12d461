// The dashboard: asks the service how it is, every two seconds, and shows it.
import type { ReplayReport, SourceReport, StatusReport } from '../status-report.ts';
import { change, changeRate, login, LoginNeeded, readStatus, Refused } from './api.ts';
import { button, cell, element, foreignText, input, setRows, setText, showText, span } from './elements.ts';
import {
  formatBytes,
  formatCount,
  formatNumber,
  formatNumberOf,
  formatSeconds,
  formatTime,
} from './format.ts';
import { Plot } from './plots.ts';

const pollEveryMs = 2000;
const stateTexts = {
  running: 'Running',
  paused: 'Paused',
  resting: 'OMS or the log bucket takes nothing',
  hindered: 'Running, with trouble',
  lost: 'Connection lost',
} as const;

let plots: readonly Plot[] | undefined;
let last: StatusReport | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

async function poll(): Promise<void> {
  clearTimeout(timer);
  try {
    show(await readStatus());
  } catch (error) {
    if (error instanceof LoginNeeded) return askForToken(error.message); // And nothing more until it is given.
    showLost(error);
  }
  clearTimeout(timer); // Of a poll that somebody's click has begun meanwhile.
  timer = setTimeout(() => void poll(), pollEveryMs);
}

// --- what is shown ---

function show(status: StatusReport): void {
  last = status;
  element('login').hidden = true;
  element('content').hidden = false;
  element('controls').hidden = false;
  button('logout').hidden = !login.hasToken;
  showText('lost', undefined);
  showState(stateOf(status));
  setText('since', `since ${formatTime(status.started_at)}`);
  setText('pause', status.paused ? 'Resume' : 'Pause');
  for (const id of ['pause', 'rate-set']) button(id).disabled = false;
  showRate(status.rate_limit);
  showReplay(status.replay);
  showHindrances(status);
  showFigures(status);
  showSources(status.sources);
  showFailures(status);
  plots ??= [Plot.throughput(), Plot.lag()];
  for (const plot of plots) plot.show(status.timeline);
}

function stateOf({ paused, resting, problems }: StatusReport): keyof typeof stateTexts {
  if (paused) return 'paused';
  if (resting) return 'resting';
  return problems.length > 0 ? 'hindered' : 'running';
}

function showState(state: keyof typeof stateTexts): void {
  element('state').className = state;
  setText('state-text', stateTexts[state]);
  document.title = `${stateTexts[state]} – oms-sync`;
}

function showLost(error: unknown): void {
  showState('lost');
  setText('since', '');
  showText('outcome', undefined);
  for (const id of ['pause', 'replay', 'rate-set']) button(id).disabled = true;
  const why = error instanceof Refused ? ` It says: ${error.message}.` : '';
  const what = last === undefined ? '' : ` What is shown here is of ${formatTime(last.now)}.`;
  showText('lost', `The service does not answer.${why}${what} Trying again every two seconds.`);
}

function showHindrances({ problems, paused, problem }: StatusReport): void {
  const texts = [...problems, ...(problem !== undefined && !paused ? [problem] : [])];
  element('hindrances').hidden = texts.length === 0;
  const items = texts.map((text) => {
    const item = document.createElement('li');
    item.append(...foreignText(text));
    return item;
  });
  element('hindrances').replaceChildren(...items);
}

function showFigures({ totals, timeline, held, backlog, oldest_seconds: lag }: StatusReport): void {
  setText('throughput', `${formatNumber(timeline.requested.at(-1) ?? 0)}/s`);
  setText('requested', `${formatCount(totals.requested)} of ${formatCount(totals.received)} received`);
  setText('lag', formatSeconds(lag));
  element('lag').className = lag > 300 ? 'bad' : '';
  setText('backlog', formatCount(backlog));
  setText('held', `${formatNumberOf(held, 'object')} in hand`);
  const latest = timeline.oms_ms.findLast((ms) => ms !== null);
  setText('latency', latest === undefined || latest === null ? '–' : formatSeconds(latest / 1000));
  setText('oms', formatNumberOf(totals.omsRequests, 'request'));
  setText('unrequested', formatCount(totals.unrequested));
  element('unrequested').className = totals.unrequested > 0 ? 'bad' : '';
}

function showSources(sources: readonly SourceReport[]): void {
  const rows = sources.map(({ name, status, detail, backlog, place }) => [
    cell('', name),
    cell('why', badgeOf(status, detail), ...(detail === undefined ? [] : [': ', ...foreignText(detail)])),
    cell('waiting', formatBacklog(backlog)),
    cell('name', ...foreignText(place)),
  ]);
  setRows('sources', rows);
}

/** In the words of `/readyz`: a source that runs and has something to say runs not wholly. */
function badgeOf(status: string, detail: string | undefined): HTMLSpanElement {
  const state = status === 'running' && detail !== undefined ? 'troubled' : status;
  return span(`badge ${state}`, state);
}

function formatBacklog(backlog: SourceReport['backlog']): string {
  if (backlog === undefined) return '–';
  const { count, unit } = backlog;
  return unit === 'bytes' ? formatBytes(count) : formatNumberOf(count, unit.slice(0, -1));
}

function showFailures({ failures }: StatusReport): void {
  element('no-failures').hidden = failures.length > 0;
  element('failures-table').hidden = failures.length === 0;
  const rows = failures.map(({ time, name, code, message }) => [
    cell('time', formatTime(time)),
    cell('name', ...foreignText(name)),
    cell('why', span('', code), ': ', ...foreignText(message)),
  ]);
  setRows('failures', rows);
}

// --- what can be done ---

let isReplaying = false;

function askForToken(message: string): void {
  const isNew = element('login').hidden;
  element('login').hidden = false;
  element('content').hidden = true;
  element('controls').hidden = true;
  for (const id of ['lost', 'outcome']) showText(id, undefined);
  element('hindrances').hidden = true;
  element('state').className = 'unknown';
  setText('state-text', 'Log in');
  setText('since', '');
  setText('login-problem', login.hasToken ? `Refused: ${message}.` : '');
  login.forget();
  if (isNew) element('token').focus();
}

element('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const token = input('token');
  login.keep(token.value.trim());
  token.value = '';
  void poll();
});

button('logout').addEventListener('click', () => {
  login.forget();
  void poll();
});

button('pause').addEventListener('click', () => {
  const isPaused = last?.paused === true;
  void act(async () => {
    await change(isPaused ? 'resume' : 'pause');
    return isPaused
      ? 'Resumed.'
      : 'Paused: notifications are kept, and nothing is requested until you resume.';
  });
});

button('replay').addEventListener('click', () => {
  void act(async () => {
    await change('replay');
    isReplaying = true;
    return 'Replaying the failed list …';
  });
});

element('rate').addEventListener('submit', (event) => {
  event.preventDefault();
  const { value } = input('rate-limit');
  const limit = value === '' ? undefined : Number(value);
  void act(async () => {
    await changeRate(limit);
    return limit === undefined
      ? 'Requests have no limit now, until a restart.'
      : `At most ${formatNumberOf(limit, 'object')} a second ${limit === 1 ? 'is' : 'are'} requested now, until a restart.`;
  });
});

/** Shows the limit, unless somebody is about to change it. */
function showRate(limit: number | undefined): void {
  if (!element('rate').contains(document.activeElement)) input('rate-limit').value = String(limit ?? '');
}

/** Says what came of the replay that was asked for here. */
function showReplay(report: ReplayReport): void {
  button('replay').disabled = report.running;
  if (!isReplaying || report.running) return;
  isReplaying = false;
  showText('outcome', describeReplay(report));
}

async function act(work: () => Promise<string>): Promise<void> {
  try {
    showText('outcome', await work());
  } catch (error) {
    if (error instanceof LoginNeeded) return askForToken(error.message);
    const why = error instanceof Refused ? error.message : 'the connection to the service was lost';
    showText('outcome', `Not done: ${why}.`);
  }
  await poll();
}

function describeReplay({ problem, requested = 0, unrequested = 0, leftKeys = 0 }: ReplayReport): string {
  if (problem !== undefined) return `Replay: the failed list could not be read or written: ${problem}`;
  if (requested + unrequested + leftKeys === 0) {
    return 'Replay: there was nothing on the failed list to request again.';
  }
  const left = leftKeys > 0 ? `, ${formatCount(leftKeys)} left for the next replay` : '';
  return `Replay: ${formatCount(requested)} requested, ${formatCount(unrequested)} failed again${left}.`;
}

void poll();
