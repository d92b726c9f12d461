/** @throws if the page has no such element: then it is not the page of this script. */
export function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

export function button(id: string): HTMLButtonElement {
  const found = element(id);
  if (!(found instanceof HTMLButtonElement)) throw new Error(`#${id} is no button`);
  return found;
}

export function input(id: string): HTMLInputElement {
  const found = element(id);
  if (!(found instanceof HTMLInputElement)) throw new Error(`#${id} is no input`);
  return found;
}

export function setText(id: string, text: string): void {
  const found = element(id);
  if (found.textContent !== text) found.textContent = text; // Screen readers read again what is set again.
}

/** Shows a text, or hides the element when there is none. */
export function showText(id: string, text: string | undefined): void {
  element(id).hidden = text === undefined;
  setText(id, text ?? '');
}

/** Puts a table's rows in place of those before, if they are others. */
export function setRows(id: string, rows: readonly (readonly HTMLTableCellElement[])[]): void {
  const body = document.createElement('tbody');
  for (const cells of rows) body.insertRow().append(...cells);
  const found = element(id);
  if (found.innerHTML !== body.innerHTML) found.replaceChildren(...body.childNodes);
}

export function cell(className: string, ...content: readonly (string | Node)[]): HTMLTableCellElement {
  const td = document.createElement('td');
  td.className = className;
  td.append(...content);
  return td;
}

export function span(className: string, text: string): HTMLSpanElement {
  const found = document.createElement('span');
  found.className = className;
  found.textContent = text;
  return found;
}

/** Characters that nobody sees, or that turn the text around; a space only where it ends the text. */
const invisible = /([\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]|^ | $)/u;

/** Text of others as it is: nothing in it is markup, and what is invisible is shown by its number. */
export function foreignText(text: string): readonly (string | Node)[] {
  // Every other part is what stands between the others.
  const parts = text.split(invisible);
  return parts.map((part, index) => (index % 2 === 1 ? span('escape', codePoint(part)) : part));
}

function codePoint(character: string): string {
  const number = character.codePointAt(0) ?? 0;
  return `U+${number.toString(16).toUpperCase().padStart(4, '0')}`;
}
