/** A log bucket in memory. `fail` may throw what a store would throw, or wait. */
export class MemoryLogBucket {
  readonly #now: () => number;
  readonly objects = new Map<
    string,
    { readonly body: string; readonly contentType: string; readonly lastModified: Date }
  >();
  prepared = 0;
  fail: (operation: string, key: string) => Promise<void> | void = () => undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async prepare(): Promise<void> {
    this.prepared++;
    await this.fail('prepare', '');
  }

  async put(key: string, body: string, contentType: string): Promise<void> {
    await this.fail('put', key);
    this.objects.set(key, { body, contentType, lastModified: new Date(this.#now()) });
  }

  async get(key: string): Promise<string | undefined> {
    await this.fail('get', key);
    return this.objects.get(key)?.body;
  }

  async *list(
    prefix: string,
    { after = '' }: { readonly after?: string | undefined } = {},
  ): AsyncGenerator<{ key: string; size: number; lastModified: Date }> {
    await this.fail('list', prefix);
    const keys = [...this.objects.keys()].filter(
      (key) => key.startsWith(prefix) && Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0,
    );
    for (const key of keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      const object = this.objects.get(key);
      if (object) yield { key, size: Buffer.byteLength(object.body), lastModified: object.lastModified };
    }
  }

  async delete(key: string): Promise<void> {
    await this.fail('delete', key);
    this.objects.delete(key);
  }

  /** The keys under a prefix, without it. */
  keys(prefix: string): string[] {
    return [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
  }
}
