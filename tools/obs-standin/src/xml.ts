import type { FolderObject } from '@oms-sync/log-bucket';

/** An error as OBS writes it. */
export function writeError(code: string, message: string, resource: string, requestId: string): string {
  return document(
    'Error',
    element('Code', code) +
      element('Message', message) +
      element('Resource', resource) +
      element('RequestId', requestId),
  );
}

/** One page of a listing. */
export interface Listing {
  readonly bucket: string;
  readonly prefix: string;
  readonly marker: string;
  readonly maxKeys: number;
  readonly isTruncated: boolean;
  readonly nextMarker: string | undefined;
  readonly isUrlEncoded: boolean;
  readonly objects: readonly FolderObject[];
}

/** A page of a listing as OBS writes it. */
export function writeListing(listing: Listing): string {
  const name = listing.isUrlEncoded ? encodeURIComponent : (text: string) => text;
  const contents = listing.objects.map(({ key, size, lastModified }) =>
    [
      '<Contents>',
      element('Key', name(key)),
      element('LastModified', lastModified.toISOString()),
      element('Size', String(size)),
      element('StorageClass', 'STANDARD'),
      '</Contents>',
    ].join(''),
  );
  return document(
    'ListBucketResult',
    [
      element('Name', listing.bucket),
      element('Prefix', name(listing.prefix)),
      element('Marker', name(listing.marker)),
      listing.nextMarker === undefined ? '' : element('NextMarker', name(listing.nextMarker)),
      element('MaxKeys', String(listing.maxKeys)),
      listing.isUrlEncoded ? element('EncodingType', 'url') : '',
      element('IsTruncated', String(listing.isTruncated)),
      ...contents,
    ].join(''),
  );
}

function document(root: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>${content}</${root}>`;
}

function element(name: string, text: string): string {
  return `<${name}>${escape(text)}</${name}>`;
}

/** Control characters come out as references, which XML 1.0 does not allow either: as OBS and radosgw do it. */
function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/\p{Cc}/gu, (character) => `&#x${character.charCodeAt(0).toString(16)};`);
}
