import { BlobServiceClient } from '@azure/storage-blob';
import { Scene } from '@oms-sync/conformance';
import { azureFunctions, type RunningAzure } from '@oms-sync/function-hosts';
import { openAzureBlobLogBucket } from '@oms-sync/log-bucket/azure-blob';
import { startAzurite, type Azurite } from '@oms-sync/peers';
import { testKeys } from '@oms-sync/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

// The lists in Azure itself, from the built bundle, which has the SDK inside. The peer is Azurite; what it proves of the
// store, and what not, is in packages/log-bucket.
const account = 'account';

describe('the bundle with its lists in Azure', () => {
  let scene: Scene<RunningAzure>;
  let azurite: Azurite;
  beforeAll(async () => {
    scene = await Scene.open(azureFunctions, process.execPath);
    azurite = await startAzurite({ account, accountKey: `${testKeys.secretKey}AA` });
    await BlobServiceClient.fromConnectionString(azurite.connectionString).createContainer('lists');
  });
  afterEach(() => scene.reset());
  afterAll(async () => {
    await scene.close();
    await azurite.stop();
  });

  const start = () =>
    scene.start({
      log_bucket: 'az://account/lists/oms',
      obs_endpoint: undefined,
      AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString,
    });

  it('puts every name on its list', async () => {
    const poison = 'b+ü?#.txt';
    scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [poison] }]);
    const names = ['photos/a b.jpg', '100%.txt', '中文/😀', poison];
    const delivery = await start().deliver(
      scene.channel,
      names.map((name) => ({ name, kind: 'created' })),
    );
    expect(delivery).toEqual({ returned: [], error: undefined });

    const { connectionString } = azurite;
    const lists = openAzureBlobLogBucket({ account, container: 'lists', connectionString });
    for (const name of names) {
      const list = name === poison ? 'failed_object' : 'success_object';
      const body = await lists.get(`oms/oms_source_record/${list}/${name}`);
      expect(JSON.parse(body ?? '')).toMatchObject({
        name,
        source_store: 'az',
        source_bucket: 'account/source',
      });
    }
  });

  it('does not eat its own tail when they are in the source container', async () => {
    const running = start();
    const before = scene.oms.requestCount;
    const own = { bucket: 'lists', kind: 'created' } as const;
    await running.deliver(scene.channel, [
      { ...own, name: 'oms/oms_source_record/success_object/a' },
      { ...own, name: 'oms/oms_source_record/failed_object/a' },
    ]);
    expect([scene.sum('received'), scene.sum('filtered')]).toEqual([2, 2]);
    expect(scene.oms.requestCount).toBe(before);
    expect(scene.logged('misconfigured')).toHaveLength(2);
    await running.deliver(scene.channel, [{ ...own, name: 'photos/b' }]);
    expect(scene.sum('requested')).toBe(1);
  });
});
