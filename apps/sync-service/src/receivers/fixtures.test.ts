import { readdirSync, readFileSync } from 'node:fs';
import { Secret } from '@oms-sync/core';
import { getMember, getText } from '@oms-sync/storage-events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startBench, type Bench } from './receivers.test-help.ts';
import {
  makeSmnMessage,
  makeSnsMessage,
  pushAccount,
  pushAudience,
  rsa,
  smnCertificateUrl,
  smnTopic,
  snsCertificateUrl,
  snsTopic,
  startGoogle,
  type Google,
} from './signers.test-help.ts';

// What the names have to be is held against the same samples in packages/storage-events. Here they go the whole way: a
// request with what its sender sends beside it, and all that is kept.

const token = 'the-token-of-the-fixtures';
const fixtures = new URL('../../../../packages/storage-events/fixtures/', import.meta.url);

let bench: Bench;
let google: Google;
beforeAll(async () => {
  google = await startGoogle();
  const tokens = [new Secret(token)];
  bench = await startBench({
    values: {
      smn_topics: [smnTopic],
      sns_topics: [snsTopic],
      event_grid_key: tokens,
      webhook_token: tokens,
      huawei_event_grid_token: tokens,
      pubsub_audience: pushAudience,
      pubsub_service_account: pushAccount,
    },
    googleKeysUrl: google.keysUrl,
  });
  bench.internet.pages.set(smnCertificateUrl, rsa.cert).set(snsCertificateUrl, rsa.cert);
});
beforeEach(() => {
  bench.inbox.kept.length = 0;
});
afterAll(async () => {
  await bench.server.stop();
  google.close();
});

function list(folder: string, pattern: RegExp): readonly string[] {
  return readdirSync(new URL(`${folder}/`, fixtures))
    .filter((file) => file.endsWith('.json') && pattern.test(file))
    .map((file) => `${folder}/${file}`);
}

function read(file: string): string {
  return readFileSync(new URL(file, fixtures), 'utf8');
}

/** The true name, where the text beside a sample states it. */
function readStatedName(file: string): unknown {
  const source = readFileSync(new URL(file.replace(/json$/, 'source.txt'), fixtures), 'utf8');
  const stated = /(?:name as JSON|as a JSON string): ("(?:[^"\\]|\\.)*")/i.exec(source)?.[1];
  return stated === undefined ? undefined : JSON.parse(stated);
}

/** Sends a sample; it is kept, each record of it, with the name that its source states. */
async function expectKept(file: string, path: string, body: unknown, headers = {}): Promise<void> {
  const response = await bench.send(path, body, headers);
  expect(`${response.status} ${await response.text()}`).toBe('200 {"status":"kept"}');
  expect(bench.inbox.names.length).toBeGreaterThan(0);
  const stated = readStatedName(file);
  if (stated !== undefined) expect(bench.inbox.names).toEqual([stated]);
}

describe('samples that are taken', () => {
  it.each(list('s3compat', /./))('%s', async (file) => {
    await expectKept(file, 'webhook', read(file), { authorization: `Bearer ${token}` });
  });

  // Those in a queue, and CloudEvents 0.1, do not come by HTTP.
  it.each(list('azure', /^(?!made-queue|doc-subscription-validation|ext-cloudevent-0\.1)/))(
    '%s',
    async (file) => {
      await expectKept(file, `event-grid?token=${token}`, read(file), {
        'content-type': 'application/cloudevents+json; charset=utf-8',
      });
    },
  );

  it.each(list('gcp', /^made-(pubsub-push|cloudevent-)/))('%s', async (file) => {
    // The samples share one id, and by that the later ones would be repeats.
    const body = read(file).replace('"messageId": "', `"messageId": "${file}`);
    await expectKept(file, 'pubsub', body, { authorization: `Bearer ${await google.makeToken()}` });
  });

  it.each(list('huawei', /^eventgrid/))('%s', async (file) => {
    await expectKept(file, `huawei-event-grid?token=${token}`, read(file));
  });

  it.each(list('huawei', /^obs-functiongraph-v2/))('%s in a message of SMN', async (file) => {
    await expectKept(file, 'smn', makeSmnMessage({ message: read(file), message_id: file }));
  });

  it.each(
    list(
      'aws',
      /^(aws-recorded-(?!sns)|made-s3-record-(?!version-3)|made-s3-records|made-eventbridge|doc-s3)/,
    ),
  )('%s in a message of SNS', async (file) => {
    const recorded: unknown = JSON.parse(read(file));
    // Some recordings are lists of what came one after the other.
    const isEvent =
      getMember(recorded, 'Records') !== undefined || getMember(recorded, 'Event') !== undefined;
    const isEventBridge = getText(recorded, 'detail-type') !== undefined;
    if (!isEvent && !isEventBridge) throw new Error(`${file}: is another shape`);
    await expectKept(file, 'sns', makeSnsMessage({ Message: read(file), MessageId: file }), {
      'content-type': 'text/plain; charset=UTF-8',
    });
  });
});

it('aws/aws-recorded-sns-envelope.json, signed anew: the recorder has masked the signature', async () => {
  const messages = getMember(JSON.parse(read('aws/aws-recorded-sns-envelope.json')), 'messages');
  if (!Array.isArray(messages)) throw new Error('is another shape');
  for (const [index, message] of messages.entries()) {
    const body = makeSnsMessage({
      Message: JSON.stringify(getMember(message, 'Message')),
      MessageId: `recorded-${index}`,
      Subject: getText(message, 'Subject') ?? '',
      SignatureVersion: getText(message, 'SignatureVersion') ?? '',
    });
    expect((await bench.send('sns', body)).status).toBe(200);
  }
  expect(bench.inbox.names).toEqual(['bucket-key', 'bucket-key']);
});

describe('samples that are refused', () => {
  it.each(list('huawei', /^smn-http-/))('%s: it is of another topic', async (file) => {
    expect((await bench.send('smn', read(file))).status).toBe(403);
    expect(bench.inbox.kept).toEqual([]);
  });

  it.each(list('huawei', /^obs-(notification|smn).*structure/))('%s: it has no values', async (file) => {
    const body = makeSmnMessage({ message: read(file), message_id: file });
    expect((await bench.send('smn', body)).status).toBe(422);
    expect(bench.inbox.kept).toEqual([]);
  });

  it('azure/ext-cloudevent-0.1-blob-created.json: nobody sends it any more', async () => {
    const body = read('azure/ext-cloudevent-0.1-blob-created.json');
    expect((await bench.send(`event-grid?token=${token}`, body)).status).toBe(422);
  });
});

it('azure/doc-subscription-validation-eventgrid.json is answered', async () => {
  const body = read('azure/doc-subscription-validation-eventgrid.json');
  const response = await bench.send(`event-grid?token=${token}`, body);
  expect(await response.json()).toEqual({ validationResponse: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6' });
  expect(bench.inbox.kept).toEqual([]);
});
