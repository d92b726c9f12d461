import { X509Certificate } from 'node:crypto';
import type { HttpsGet } from './https-get.ts';
import { Refusal } from './receiver.ts';

const maxCached = 32;
const maxUnderWay = 4;

/** The certificates by which services sign their messages, each fetched once. Who asks has checked the address. */
export class SigningCertificates {
  readonly #get: HttpsGet;
  readonly #cache = new Map<string, X509Certificate>();
  readonly #underWay = new Map<string, Promise<X509Certificate>>();

  constructor(get: HttpsGet) {
    this.#get = get;
  }

  /**
   * The certificate at an address.
   *
   * @throws {Refusal} `unavailable` when it cannot be had now.
   */
  async get(url: URL): Promise<X509Certificate> {
    const cached = this.#cache.get(url.href);
    if (cached !== undefined) return cached;
    let fetched = this.#underWay.get(url.href);
    if (fetched === undefined) {
      // Addresses that nothing is at are easily made up: this is no way to have many requests sent.
      if (this.#underWay.size >= maxUnderWay) {
        throw new Refusal('unavailable', 'too many signing certificates are being fetched');
      }
      fetched = this.#fetch(url).finally(() => this.#underWay.delete(url.href));
      this.#underWay.set(url.href, fetched);
    }
    return fetched;
  }

  async #fetch(url: URL): Promise<X509Certificate> {
    const certificate = parseCertificate(await this.#get(url), url);
    const [oldest] = this.#cache.keys();
    if (this.#cache.size >= maxCached && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(url.href, certificate);
    return certificate;
  }
}

/** It came from the service itself over TLS: what is none is a fault of the service, and may pass. */
function parseCertificate(text: string, url: URL): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (error) {
    throw new Refusal('unavailable', `${url.hostname}${url.pathname} is no certificate`, { cause: error });
  }
}

/** @throws {Refusal} for a certificate out of its time. */
export function checkValidity(certificate: X509Certificate, now: number): void {
  const { validFrom, validTo } = certificate;
  if (now >= Date.parse(validFrom) && now <= Date.parse(validTo)) return;
  throw new Refusal(
    'certificate',
    `the signing certificate is valid from ${validFrom} to ${validTo}, and that is not now`,
  );
}

/**
 * The hash of the algorithm that a certificate is signed with, by its object identifier in DER (RFC 4055, RFC 5758).
 * SHA-1 is not among them.
 */
const hashes: Readonly<Record<string, string>> = {
  '2a864886f70d01010b': 'sha256', // with RSA
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256', // with ECDSA
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
};

/**
 * The hash of the algorithm that a certificate is signed with. (`signatureAlgorithm` of X509Certificate is too new.)
 *
 * @throws {Refusal} for one that is not taken.
 */
export function getSignatureHash(certificate: X509Certificate): string {
  const { raw } = certificate;
  // SEQUENCE { tbsCertificate, SEQUENCE { algorithm OBJECT IDENTIFIER, … }, signature }
  const toBeSigned = readDer(raw, readDer(raw, 0).start);
  const identifier = readDer(raw, readDer(raw, toBeSigned.end).start);
  const hash = hashes[raw.subarray(identifier.start, identifier.end).toString('hex')];
  if (hash === undefined) {
    throw new Refusal(
      'certificate',
      'the signing certificate is signed by an algorithm that is not taken; expected RSA or ECDSA with SHA-2',
    );
  }
  return hash;
}

/** Where the content of the element at an offset begins and ends. */
function readDer(bytes: Buffer, offset: number): { readonly start: number; readonly end: number } {
  const first = bytes.readUInt8(offset + 1);
  if (first < 0x80) return { start: offset + 2, end: offset + 2 + first };
  const size = first & 0x7f;
  const start = offset + 2 + size;
  return { start, end: start + bytes.readUIntBE(offset + 2, size) };
}
