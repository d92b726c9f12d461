// The script of the report: the list of objects, searched, filtered, sorted and turned page by page. Whatever comes from
// a name becomes text of an element, never HTML.

/**
 * @typedef {[kind: string, name: string, size: number, modified: number, reason: number, message: string,
 *   stale: [because: string, size: number, modified: number] | 0]} ReportRow as ReportRows has it
 * @typedef {{ kind: string, name: string, size: number, modified: number, reason: string, message: string,
 *   stale: ReportRow[6] }} Row
 */

/**
 * @template {HTMLElement} Type
 * @param {string} id
 * @param {new () => Type} type
 * @returns {Type}
 */
function getById(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`no ${type.name} ${id}`);
  return found;
}

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {string} [text]
 */
function makeElement(tag, className, text) {
  const made = document.createElement(tag);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// --- words ---

/** @param {number} ms */
function formatDuration(ms) {
  const seconds = ms / 1000;
  if (seconds < 120) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** @param {number} bytes */
function formatBytes(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** @param {number} time */
function formatTime(time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** @param {Row} row */
function describeStale({ stale, size, modified }) {
  if (stale === 0) return '';
  const [because, thereSize, thereModified] = stale;
  return because === 'size'
    ? `${formatBytes(thereSize)} at the destination, ${formatBytes(size)} at the source`
    : `changed at the source ${formatDuration(modified - thereModified)} after it was copied`;
}

// --- rows ---

/**
 * A name as people can read it: what cannot be seen, or turns the direction of writing, as its code.
 * @param {string} name
 */
function markName(name) {
  const shown = makeElement('bdi', 'name');
  for (const part of name.split(/([\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}])/u)) {
    const isMarked = /^[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]$/u.test(part);
    const code = (part.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    shown.append(isMarked ? makeElement('span', 'code', `U+${code}`) : part);
  }
  return shown;
}

/**
 * @param {string} name
 * @param {HTMLElement} button
 */
async function copyName(name, button) {
  await navigator.clipboard.writeText(name).catch(() => {
    // A page that was opened as a file may not have the clipboard; the older way works there.
    const area = document.createElement('textarea');
    area.value = name;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
    button.focus();
  });
  button.textContent = 'Copied';
  setTimeout(() => (button.textContent = 'Copy'), 1500);
}

/** @param {Row} row */
function drawRow(row) {
  const { kind, name, size, modified, reason, message } = row;
  const copy = makeElement('button', 'copy', 'Copy');
  copy.title = 'Copy the true name';
  copy.addEventListener('click', () => void copyName(name, copy));
  const nameCell = makeElement('td', 'namecell');
  nameCell.append(markName(name), copy);
  const why = makeElement('td', 'why', reason);
  const details = describeStale(row);
  if (details !== '') why.append(makeElement('span', 'quiet', details));
  if (message !== '') {
    const text = makeElement('span', 'quiet message', message);
    text.title = message;
    why.append(text);
  }
  const kindCell = makeElement('td');
  kindCell.append(makeElement('span', `badge ${kind}`, kind));
  const sizeCell = makeElement('td', 'number', formatBytes(size));
  sizeCell.title = `${size.toLocaleString('en')} bytes`;
  const drawn = makeElement('tr');
  drawn.append(kindCell, nameCell, sizeCell, makeElement('td', 'time', formatTime(modified)), why);
  return drawn;
}

// --- the list ---

function startList() {
  /** @type {{ rows: ReportRow[], reasons: string[] }} */
  // oxlint-disable-next-line typescript/no-unsafe-assignment -- the page was written with it
  const { rows, reasons } = JSON.parse(getById('data', HTMLScriptElement).text);
  const all = rows.map(([kind, name, size, modified, reason, message, stale]) => ({
    kind,
    name,
    size,
    modified,
    reason: reasons[reason] ?? '',
    message,
    stale,
  }));
  const rowsOnPage = 100;
  const search = getById('search', HTMLInputElement);
  const reasonSelect = getById('reason', HTMLSelectElement);
  const list = getById('list', HTMLElement);
  const [previous, next] = [getById('previous', HTMLButtonElement), getById('next', HTMLButtonElement)];
  /** @type {NodeListOf<HTMLInputElement>} */
  const kindBoxes = document.querySelectorAll('input[name=kind]');
  /** @type {'kind' | 'name' | 'size' | 'modified'} */
  let sort = 'name';
  let isDescending = false;
  let page = 0;
  let found = all;

  function select() {
    const needle = search.value.toLowerCase();
    const kinds = new Set([...kindBoxes].flatMap((box) => (box.checked ? [box.value] : [])));
    found = all.filter(
      ({ kind, name, reason, message }) =>
        kinds.has(kind) &&
        (reasonSelect.value === '' || reason === reasonSelect.value) &&
        (name.toLowerCase().includes(needle) || message.toLowerCase().includes(needle)),
    );
    // By name they come in the order of the store, which is that of UTF-8.
    if (sort !== 'name') found.sort((a, b) => (a[sort] < b[sort] ? -1 : a[sort] > b[sort] ? 1 : 0));
    if (isDescending) found.reverse();
    page = 0;
    draw();
  }

  function draw() {
    const start = page * rowsOnPage;
    const shown = found.slice(start, start + rowsOnPage);
    getById('rows', HTMLElement).replaceChildren(...shown.map(drawRow));
    /** @param {number} number */
    const count = (number) => number.toLocaleString('en');
    const filtered = found.length < all.length ? ` (filtered from ${count(all.length)})` : '';
    getById('shown', HTMLElement).textContent =
      found.length === 0
        ? 'No object matches.'
        : `${count(start + 1)}–${count(start + shown.length)} of ${count(found.length)}${filtered}`;
    previous.disabled = page === 0;
    next.disabled = start + rowsOnPage >= found.length;
  }

  /** @param {number} pages */
  function turn(pages) {
    if (page + pages < 0 || (page + pages) * rowsOnPage >= found.length) return;
    page += pages;
    draw();
    list.scrollIntoView({ block: 'start' });
  }

  /**
   * @param {string} text
   * @param {string} reason
   */
  function show(text, reason) {
    search.value = text;
    reasonSelect.value = reasons.includes(reason) ? reason : '';
    select();
  }

  for (const reason of [...reasons].sort()) reasonSelect.add(new Option(reason));
  for (const control of [search, reasonSelect, ...kindBoxes]) control.addEventListener('input', select);
  search.form?.addEventListener('submit', (event) => event.preventDefault());
  previous.addEventListener('click', () => turn(-1));
  next.addEventListener('click', () => turn(1));

  /** @type {NodeListOf<HTMLButtonElement>} */
  const links = document.querySelectorAll('[data-search], [data-reason]');
  for (const link of links) {
    link.addEventListener('click', () => {
      show(link.dataset['search'] ?? '', link.dataset['reason'] ?? '');
      list.scrollIntoView({ block: 'start', behavior: 'smooth' });
    });
  }
  /** @type {NodeListOf<HTMLButtonElement>} */
  const heads = document.querySelectorAll('[data-sort]');
  for (const head of heads) {
    head.addEventListener('click', () => {
      const by = head.dataset['sort'];
      if (by !== 'kind' && by !== 'name' && by !== 'size' && by !== 'modified') return;
      isDescending = sort === by && !isDescending;
      sort = by;
      for (const other of heads) other.closest('th')?.setAttribute('aria-sort', 'none');
      head.closest('th')?.setAttribute('aria-sort', isDescending ? 'descending' : 'ascending');
      select();
    });
  }
  document.addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
    if (ctrlKey || metaKey || altKey) return;
    if (key === 'Escape') return show('', '');
    if (target === search || target === reasonSelect) return;
    if (key === 'ArrowLeft') turn(-1);
    if (key === 'ArrowRight') turn(1);
  });
  document.addEventListener('keypress', (event) => {
    if (event.key !== '/' || event.target === search) return;
    event.preventDefault();
    search.focus();
  });
  select();
}

getById('theme', HTMLButtonElement).addEventListener('click', () => {
  const { dataset } = document.documentElement;
  const isDark = dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  dataset['theme'] = isDark === 'dark' ? 'light' : 'dark';
});
// Where there is nothing to list, the page has no list.
if (document.getElementById('rows') !== null) startList();
