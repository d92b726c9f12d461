import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { formatBytes, formatCount, formatDuration, formatNumberOf } from '../screen.ts';
import type { FolderCount } from './folder-counts.ts';
import type { GapSummary } from './gap-summary.ts';
import type { ReportRows } from './report-rows.ts';
import { countLeftOut, describeDifference, leftOutMeanings, type Totals } from './totals.ts';
import { drawTimeline } from './timeline-plot.ts';

/** Everything that the page says. */
export interface Report {
  readonly totals: Totals;
  readonly summary: GapSummary;
  readonly folders: readonly FolderCount[];
  readonly rows: ReportRows;
  /** Where the whole list is, if somewhere. */
  readonly wholeList: string | undefined;
}

// Beside this file in the sources, beside the bundle when it is built.
const style = () => readFileSync(new URL('./page/report.css', import.meta.url), 'utf8');
const script = () => readFileSync(new URL('./page/report.js', import.meta.url), 'utf8');

/** The report as one HTML file that loads nothing, and runs no script but its own. */
export function renderReport(report: Report): string {
  const [css, js] = [style(), script()];
  const policy = `default-src 'none'; style-src '${hash(css)}'; script-src '${hash(js)}'; base-uri 'none'; form-action 'none'`;
  const { totals } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(describeDifference(totals))} – oms-sync</title>
<style>${css}</style>
</head>
<body>
<main>
${renderHead(totals)}
${renderTotals(report)}
${renderOverview(report)}
${renderList(report)}
</main>
<script type="application/json" id="data">${toScriptJson({ rows: report.rows.rows, reasons: report.rows.reasons })}</script>
<script>${js}</script>
</body>
</html>
`;
}

// --- parts of the page ---

function renderHead(totals: Totals): string {
  const { source, destination, prefix, startedAt, seconds, counts } = totals;
  const compared = counts.same + counts.missing + counts.stale;
  const inStep = compared === 0 ? 100 : (counts.same / compared) * 100;
  const scope = prefix === undefined ? '' : `, names that begin with ${markName(prefix)}`;
  const share = (count: number) => (compared === 0 ? 0 : (count / compared) * 100);
  const part = (name: string, x: number, count: number) =>
    count === 0
      ? ''
      : `<rect class="${name}" x="${x}%" width="${Math.max(0.4, share(count))}%" height="100%"/>`;
  return `<header>
<div class="top"><p class="eyebrow">oms-sync reconcile</p><button type="button" id="theme" title="Light or dark">Light / dark</button></div>
<h1 class="${totals.isEqual ? 'good' : 'bad'}"><span class="mark" aria-hidden="true">${totals.isEqual ? '✓' : '!'}</span>${escapeHtml(describeDifference(totals))}</h1>
<p class="route">${markName(source)} <span aria-label="to">→</span> ${markName(destination)}</p>
<p class="quiet">Compared on ${new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC in ${formatDuration(seconds * 1000)}${scope}.</p>
<svg class="share" role="img" aria-label="${formatShare(inStep)} of the source's objects are in step"><rect class="same" width="100%" height="100%"/>${part('missing', share(counts.same), counts.missing)}${part('stale', share(counts.same + counts.missing), counts.stale)}</svg>
<p class="quiet">${compared === 0 ? 'No object was compared.' : `<strong>${formatShare(inStep)}</strong> of ${formatNumberOf(compared, 'object')} ${compared === 1 ? 'is' : 'are'} in step.`}</p>
</header>`;
}

function renderTotals({ totals, summary: { bytes } }: Report): string {
  const { counts, leftOut, requests } = totals;
  const card = (name: string, title: string, count: number, note: string) =>
    `<div class="card ${name}${count === 0 ? ' none' : ''}"><dt>${title}</dt><dd>${formatCount(count)}</dd><dd class="quiet">${note}</dd></div>`;
  const leftOutNote =
    [...leftOut].map(([reason, count]) => `${formatCount(count)} ${leftOutMeanings[reason]}`).join('<br>') ||
    'every name was judged';
  const requested =
    requests === undefined
      ? ''
      : `<p class="notice">${
          requests.isDryRun
            ? `Would have requested ${formatNumberOf(requests.wanted, 'object')} from OMS (dry run).`
            : `Requested ${formatNumberOf(requests.requested, 'object')} from OMS${requests.unrequested > 0 ? `; ${formatCount(requests.unrequested)} could not be requested` : ''}. What was requested arrives when OMS has copied it.`
        }</p>`;
  return `<dl class="cards">
${card('same', 'In step', counts.same, 'same size, not older')}
${card('missing', 'Missing', counts.missing, counts.missing === 0 ? 'nothing is missing' : `${formatBytes(bytes.missing)} at the source only`)}
${card('stale', 'Stale', counts.stale, counts.stale === 0 ? 'nothing is stale' : `${formatBytes(bytes.stale)}, changed at the source`)}
${card('extra', 'Extra', counts.extra, counts.extra === 0 ? 'nothing is extra' : `${formatBytes(bytes.extra)} at the destination only, left alone`)}
${card('left', 'Left out', countLeftOut(leftOut), leftOutNote)}
</dl>${requested}`;
}

function renderOverview({ totals, summary, folders }: Report): string {
  const gaps = totals.counts.missing + totals.counts.stale;
  if (gaps === 0) return '';
  const most = Math.max(...folders.map(({ missing, stale }) => missing + stale), 1);
  const bar = (missing: number, stale: number, all: number) =>
    `<svg class="meter" aria-hidden="true"><rect class="missing" width="${(missing / all) * 100}%" height="100%"/><rect class="stale" x="${(missing / all) * 100}%" width="${(stale / all) * 100}%" height="100%"/></svg>`;
  const folderRows = folders.map(
    ({ folder, missing, stale }) =>
      `<tr><td><button type="button" class="link" data-search="${escapeHtml(folder)}" title="Show in the list">${markName(folder)}</button></td><td class="number">${formatCount(missing)}</td><td class="number">${formatCount(stale)}</td><td class="wide">${bar(missing, stale, most)}</td></tr>`,
  );
  const reasonRows = summary.reasons.map(
    ({ reason, objects }) =>
      `<tr><td><button type="button" class="link" data-reason="${escapeHtml(reason)}" title="Show in the list">${markName(reason)}</button>${explainReason(reason, totals)}</td><td class="number">${formatCount(objects)}</td><td class="wide"><svg class="meter" aria-hidden="true"><rect class="neutral" width="${(objects / gaps) * 100}%" height="100%"/></svg></td></tr>`,
  );
  return `<section class="panel"><h2>When the objects changed</h2>
<p class="quiet legend"><span class="key missing"></span>missing <span class="key stale"></span>stale, by the time of the change at the source; a bar is ${formatDuration(summary.timeline.widthMs)}</p>
${drawTimeline(summary.timeline)}</section>
<div class="columns">
<section class="panel"><h2>Folders with gaps</h2>
${
  folderRows.length === 0
    ? '<p class="quiet">None of the objects is in a folder.</p>'
    : `<table><thead><tr><th>Folder</th><th class="number">Missing</th><th class="number">Stale</th><th class="wide"></th></tr></thead><tbody>${folderRows.join('')}</tbody></table>`
}</section>
<section class="panel"><h2>Why</h2>
<table><thead><tr><th>Reason</th><th class="number">Objects</th><th class="wide"></th></tr></thead><tbody>${reasonRows.join('')}</tbody></table></section>
</div>`;
}

function renderList({ totals, rows, wholeList }: Report): string {
  const { missing, stale, extra } = totals.counts;
  if (missing + stale + extra === 0) return '';
  const chip = (kind: string, count: number) =>
    `<label class="chip ${kind}"><input type="checkbox" name="kind" value="${kind}"${count > 0 ? ' checked' : ' disabled'}>${kind} <span class="quiet">${formatCount(count)}</span></label>`;
  const cut =
    rows.left === 0
      ? ''
      : `<p class="notice" id="cut">This page holds the first ${formatCount(rows.rows.length)} of ${formatNumberOf(missing + stale + extra, 'difference')}. ${wholeList === undefined ? 'Run with --jsonl FILE for the whole list.' : `The whole list is in ${markName(wholeList)}.`}</p>`;
  return `<section class="panel list"><h2 id="list">Objects</h2>
${cut}
<form class="tools" role="search" aria-labelledby="list">
<input type="search" id="search" placeholder="Search names and messages" aria-label="Search names and messages" autocomplete="off" spellcheck="false">
<fieldset><legend class="hidden">Kinds</legend>${chip('missing', missing)}${chip('stale', stale)}${chip('extra', extra)}</fieldset>
<select id="reason" aria-label="Reason"><option value="">any reason</option></select>
</form>
<noscript><p class="notice">The list needs JavaScript: this page's own, nothing is loaded.</p></noscript>
<table><thead><tr>
<th aria-sort="none"><button type="button" data-sort="kind">Kind</button></th>
<th aria-sort="ascending"><button type="button" data-sort="name">Name</button></th>
<th aria-sort="none" class="number"><button type="button" data-sort="size">Size</button></th>
<th aria-sort="none"><button type="button" data-sort="modified">Changed (UTC)</button></th>
<th>Why</th>
</tr></thead><tbody id="rows"></tbody></table>
<div class="pages"><p id="shown" role="status" aria-live="polite"></p><div><button type="button" id="previous">← Previous</button><button type="button" id="next">Next →</button></div></div>
<p class="quiet keys"><kbd>/</kbd> search <kbd>Esc</kbd> clear <kbd>←</kbd> <kbd>→</kbd> turn the page. Characters that cannot be seen, or that turn the direction of writing, show as their code; <em>Copy</em> copies the true name.</p>
</section>`;
}

// --- words ---

/** Never 100 % as long as something is missing. */
function formatShare(percent: number): string {
  return percent === 100 ? '100 %' : `${(Math.floor(percent * 100) / 100).toFixed(2)} %`;
}

function explainReason(reason: string, { hasReasons }: Totals): string {
  if (reason !== 'no event') return '';
  return `<br><span class="quiet">${hasReasons ? 'on neither failed list: no event came, or OMS has not got to it yet' : 'the failed lists were not looked at'}</span>`;
}

// --- safety ---

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** JSON that nothing in it can end the script element around. */
function toScriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** A name for people: what cannot be seen, or turns the direction of writing, as its code. The page's script does the same. */
function markName(name: string): string {
  const parts = name.split(/([\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])/u).map((part, index) => {
    if (index % 2 === 0) return escapeHtml(part);
    const code = (part.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `<span class="code">U+${code}</span>`;
  });
  return `<bdi class="name">${parts.join('')}</bdi>`;
}
