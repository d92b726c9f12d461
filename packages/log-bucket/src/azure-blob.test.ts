import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startAzurite, type Azurite } from '@oms-sync/peers';
import { testKeys } from '@oms-sync/testing';
import { openAzureBlob, openAzureBlobLogBucket } from './azure-blob.ts';
import { faultOf, showsKeys, testCredentials } from './obs.test-help.ts';
import { describeLogBucket, type OpenedLogBucket } from './suite.ts';

// The peer is Azurite, the emulator that Microsoft makes. It proves that requests are signed with the key of the
// account (which it checks), that names, bodies and content types survive, and its codes for what is missing. It does
// not prove: managed identities (azure-blob-edges.test.ts has one), Azure's own limits on names (it takes more of
// them), the order in which Azure lists, and accounts with a hierarchical namespace. Its pages are as large as Azure's,
// so azure-blob-edges.test.ts makes small ones.

const account = 'testaccount';
/** It is base64 as it is, with two characters more: so it is found where it shows. */
const accountKey = `${testKeys.secretKey}AA`;
let azurite: Azurite;
let count = 0;

beforeAll(async () => {
  azurite = await startAzurite({ account, accountKey });
});
afterAll(() => azurite.stop());

async function open(): Promise<OpenedLogBucket> {
  const { BlobServiceClient } = await import('@azure/storage-blob');
  const { connectionString } = azurite;
  const container = `lists-${(count += 1)}`;
  const client = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(container);
  await client.create();
  return {
    bucket: openAzureBlobLogBucket({ account, container, connectionString }),
    contentType: async (key) => (await client.getBlobClient(key).getProperties()).contentType,
    close: () => Promise.resolve(),
  };
}

describeLogBucket('Azure Blob on Azurite, shared key', open, {
  order: "Azurite compares UTF-16, and Azure's own order is not documented",
});

describe('Azure Blob', () => {
  it('is found by the address in the settings, and the connection string of that account', async () => {
    const { bucket } = await open();
    vi.stubEnv('AZURE_STORAGE_CONNECTION_STRING', azurite.connectionString);
    const opened = openAzureBlob({
      logBucket: { store: 'az', account, container: `lists-${count}`, prefix: '' },
      obsEndpoint: undefined,
      credentials: testCredentials,
    });
    vi.unstubAllEnvs();
    await opened.put('a', 'a', 'text/plain');
    expect(await bucket.get('a')).toBe('a');
  });

  it('lists by a prefix that ends between the characters of an escape', async () => {
    const { bucket } = await open();
    for (const key of ['a.', 'a..', 'a.b', 'a./c', 'a']) await bucket.put(key, key, 'text/plain');
    const listed = async (prefix: string) => {
      const keys: string[] = [];
      for await (const { key } of bucket.list(prefix)) keys.push(key);
      return keys.sort();
    };
    expect(await listed('a.')).toEqual(['a.', 'a..', 'a./c', 'a.b']);
    expect(await listed('a..')).toEqual(['a..']);
    expect(await listed('a./')).toEqual(['a./c']);
  });

  it('holds a key of more parts than Azure has', async () => {
    const { bucket } = await open();
    const key = 'a/'.repeat(512);
    await bucket.put(key, 'body', 'text/plain');
    expect(await bucket.get(key)).toBe('body');
  });

  it('that others fill is listed as it is, without its folders', async () => {
    const { BlobServiceClient } = await import('@azure/storage-blob');
    await open();
    const { connectionString } = azurite;
    const container = `lists-${count}`;
    const client = BlobServiceClient.fromConnectionString(connectionString).getContainerClient(container);
    const put = (name: string, metadata = {}) => client.getBlockBlobClient(name).upload('', 0, { metadata });
    await put('folder', { hdi_isfolder: 'true' });
    // In a container of ours this would stand for a control character.
    await put('folder/a\u2401');
    await put('other', { hdi_isfolder: 'false', a: 'b' });
    const foreign = openAzureBlobLogBucket({ account, container, connectionString, isForeign: true });
    const keys: string[] = [];
    for await (const { key } of foreign.list('')) keys.push(key);
    expect(keys).toEqual(['folder/a\u2401', 'other']);
  });

  it('without the container throws for every method, a missing blob or not', async () => {
    const { connectionString } = azurite;
    const missing = openAzureBlobLogBucket({ account, container: 'missing', connectionString });
    const calls = [
      () => missing.get('a'),
      () => missing.delete('a'),
      () => missing.put('a', 'a', 'text/plain'),
      () => missing.list('')[Symbol.asyncIterator]().next(),
    ];
    for (const call of calls) {
      expect(await faultOf(call())).toMatchObject({ status: 404, code: 'ContainerNotFound', passing: false });
    }
  });

  it('refuses another key of the account, and no key shows', async () => {
    const other = testKeys.accessKey;
    const connectionString = azurite.connectionString.replace(accountKey, other);
    const bucket = openAzureBlobLogBucket({ account, container: 'lists', connectionString });
    const fault = await faultOf(bucket.put('a', 'a', 'text/plain'));
    expect(fault).toMatchObject({ status: 403, code: 'AuthorizationFailure', passing: false });
    expect(showsKeys(fault)).toBe(false);
  });
});
