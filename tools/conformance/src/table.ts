type Cell = { readonly kind: 'passed' | 'failed' } | { readonly kind: 'explained'; readonly reason: string };

/** The outcome of a conformance run: behaviours × platforms × versions of Node.js. */
export class Table {
  readonly #rows: readonly string[];
  /** By column, then by row. */
  readonly #columns = new Map<string, Map<string, Cell>>();

  constructor(behaviours: readonly { readonly name: string }[]) {
    this.#rows = behaviours.map(({ name }) => name);
  }

  /** Columns stand in the order in which they are added. */
  addColumn(platform: string, version: string): void {
    this.#columns.set(`${platform} ${version}`, new Map());
  }

  pass(platform: string, version: string, behaviour: string): void {
    this.#set(platform, version, behaviour, { kind: 'passed' });
  }

  fail(platform: string, version: string, behaviour: string): void {
    this.#set(platform, version, behaviour, { kind: 'failed' });
  }

  explain(platform: string, version: string, behaviour: string, reason: string): void {
    this.#set(platform, version, behaviour, { kind: 'explained', reason });
  }

  print(): string {
    const columns = [...this.#columns];
    const first = Math.max(...this.#rows.map((row) => row.length), 'Node.js'.length);
    const widths = columns.map(([column]) => Math.max(...column.split(' ').map((part) => part.length)));
    const reasons: string[] = [];
    const line = (title: string, cells: readonly string[]) =>
      [title.padEnd(first), ...cells.map((cell, index) => cell.padEnd(widths[index] ?? 0))]
        .join('  ')
        .trimEnd();
    const body = this.#rows.map((row) =>
      line(
        row,
        columns.map(([column, cells]) => {
          const cell = cells.get(row);
          if (cell?.kind !== 'explained') return cell?.kind ?? 'not run';
          const note = `${column.split(' ')[0]}: ${row}: ${cell.reason}`;
          if (!reasons.includes(note)) reasons.push(note);
          return `(${reasons.indexOf(note) + 1})`;
        }),
      ),
    );
    return [
      line(
        '',
        columns.map(([column]) => column.split(' ')[0] ?? ''),
      ),
      line(
        'Node.js',
        columns.map(([column]) => column.split(' ')[1] ?? ''),
      ),
      ...body,
      ...reasons.map((reason, index) => `(${index + 1}) ${reason}`),
    ].join('\n');
  }

  #set(platform: string, version: string, behaviour: string, cell: Cell): void {
    const column = `${platform} ${version}`;
    const cells = this.#columns.get(column) ?? new Map<string, Cell>();
    this.#columns.set(column, cells.set(behaviour, cell));
  }
}
