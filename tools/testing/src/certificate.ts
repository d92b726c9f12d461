import { generateKeyPairSync, sign } from 'node:crypto';

export interface CertificateOptions {
  /** By what it is signed, and its key is for. */
  readonly algorithm?: 'ecdsa-with-sha256' | 'sha256-with-rsa' | 'sha1-with-rsa';
  readonly validFrom?: Date;
  readonly validTo?: Date;
}

/** Object identifiers, in DER. */
const algorithms = {
  'ecdsa-with-sha256': sequence(hex('06082a8648ce3d040302')),
  'sha256-with-rsa': sequence(hex('06092a864886f70d01010b0500')),
  'sha1-with-rsa': sequence(hex('06092a864886f70d0101050500')),
};

/** A certificate of its own for 127.0.0.1, made anew for each test run: no private key lies in the repository. */
export function makeCertificate({
  algorithm = 'ecdsa-with-sha256',
  validFrom = new Date('2020-01-01'),
  validTo = new Date('2100-01-01'),
}: CertificateOptions = {}): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } =
    algorithm === 'ecdsa-with-sha256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signedBy = algorithms[algorithm];
  const commonName = sequence(
    der(0x31, sequence(hex('0603550403'), der(0x0c, Buffer.from('oms-sync test')))),
  );
  const validity = sequence(generalizedTime(validFrom), generalizedTime(validTo));
  const addressOfHost = sequence(der(0x87, Buffer.from([127, 0, 0, 1])));
  const alternativeNames = sequence(hex('0603551d11'), der(0x04, addressOfHost));
  const toBeSigned = sequence(
    hex('a003020102'), // version 3
    hex('020101'), // serial number
    signedBy,
    commonName,
    validity,
    commonName,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(alternativeNames)),
  );
  const signature = Buffer.concat([
    Buffer.from([0]),
    sign(algorithm === 'sha1-with-rsa' ? 'sha1' : 'sha256', toBeSigned, privateKey),
  ]);
  const certificate = sequence(toBeSigned, signedBy, der(0x03, signature));
  const base64 = certificate.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}

function generalizedTime(time: Date): Buffer {
  return der(0x18, Buffer.from(time.toISOString().replace(/[-:T]|\.\d+/g, '')));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
