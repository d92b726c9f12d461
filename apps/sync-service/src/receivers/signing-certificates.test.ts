import { describe, expect, it } from 'vitest';
import { Refusal } from './receiver.ts';
import { SigningCertificates } from './signing-certificates.ts';
import { rsa } from './signers.test-help.ts';

const url = (name: string | number) => new URL(`https://sns.eu-west-1.amazonaws.com/${name}.pem`);
const waitForAll = () => new Promise((resolve) => setImmediate(resolve));

/** Certificates at addresses that answer when a test says so. */
function open() {
  const asked: { readonly href: string; answer(text: string): void; fail(error: Error): void }[] = [];
  const certificates = new SigningCertificates(
    ({ href }) =>
      new Promise((resolve, reject) => {
        asked.push({ href, answer: resolve, fail: reject });
      }),
  );
  return { certificates, asked };
}

describe('a signing certificate', () => {
  it('is fetched once, however many messages wait for it and come after', async () => {
    const { certificates, asked } = open();
    const waiting = [certificates.get(url('a')), certificates.get(url('a'))];
    asked[0]?.answer(rsa.cert);
    const [first, second] = await Promise.all(waiting);
    expect(second).toBe(first);
    expect(await certificates.get(url('a'))).toBe(first);
    expect(asked).toHaveLength(1);
  });

  it.each<[string, (asked: ReturnType<typeof open>['asked'][number] | undefined) => void]>([
    ['could not be had', (asked) => asked?.fail(new Refusal('unavailable', 'no answer'))],
    ['was none', (asked) => asked?.answer('<html>')],
  ])('that %s is fetched again', async (_, fail) => {
    const { certificates, asked } = open();
    const failed = certificates.get(url('a'));
    fail(asked[0]);
    await expect(failed).rejects.toMatchObject({ reason: 'unavailable' });
    const again = certificates.get(url('a'));
    asked[1]?.answer(rsa.cert);
    expect((await again).raw.length).toBeGreaterThan(0);
  });

  it('is fetched beside few others: made-up addresses send no flood', async () => {
    const { certificates, asked } = open();
    const all = Array.from({ length: 20 }, (_, index) => certificates.get(url(index)).catch(String));
    await waitForAll();
    expect(asked).toHaveLength(4);
    for (const page of asked) page.fail(new Refusal('unavailable', 'no such page'));
    expect((await Promise.all(all)).filter((text) => String(text).includes('too many'))).toHaveLength(16);
  });

  it('is not forgotten for many others', async () => {
    const { certificates, asked } = open();
    const fetch = async (name: string | number) => {
      const got = certificates.get(url(name));
      asked.at(-1)?.answer(rsa.cert);
      await got;
    };
    await fetch('ours');
    for (let index = 0; index < 31; index++) await fetch(index);
    await certificates.get(url('ours'));
    expect(asked).toHaveLength(32);
    // Only so many are kept.
    await fetch('one-more');
    const fetched = asked.length;
    await fetch('ours');
    expect(asked.length - fetched).toBe(1);
  });
});
