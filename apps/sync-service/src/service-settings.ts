import {
  matching,
  parseDuration,
  readSettings,
  readValues,
  SettingsError,
  wholeNumber,
  type Setting,
  type Settings,
  type SettingProblem,
  type ValuesOf,
} from '@oms-sync/core';
import { parseTokens } from './receivers/token.ts';
import { findReceiverContradictions, receiverSettings } from './receivers/open-receivers.ts';
import { findSourceContradictions, sourceSettings } from './sources/open-sources.ts';

/** The settings of the service beside those that every app has. Those of a source stand beside it. */
export const operationSettings = {
  listen: {
    meaning: 'address and port for notifications, metrics and controls, such as `127.0.0.1:8080`',
    parse: matching(/^(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5}$/, 'an address and a port, such as 127.0.0.1:8080'),
    otherwise: '127.0.0.1:8080',
  },
  tls_cert_file: { meaning: 'file of the certificate chain (PEM); without it, plain http', parse: parseText },
  tls_key_file: { meaning: 'file of its private key (PEM)', parse: parseText },
  token: {
    meaning: 'what the metrics, the status and the controls ask for; needed beyond loopback',
    parse: parseTokens,
    secret: true,
  },
  requests_per_second: {
    meaning: 'requests a second taken from one address by one receiver; the others are to come again',
    parse: wholeNumber(1, 1_000_000),
    otherwise: 5000,
  },
  queue_folder: {
    meaning: 'folder of the queue, which keeps notifications until they are settled',
    parse: parseText,
    otherwise: 'oms-sync-queue',
  },
  rate_limit: { meaning: 'objects a second requested at most', parse: wholeNumber(1, 1_000_000) },
  retry_max_age: {
    meaning: 'how long a passing fault is tried again before the object goes on the failed list',
    parse: parseDuration,
    otherwise: 10 * 60_000,
  },
  replay_every: {
    meaning: 'how often the failed list is replayed',
    parse: parseDuration,
    otherwise: 15 * 60_000,
  },
} as const satisfies Record<string, Setting<unknown>>;

/** Schemas of all parts, in the order of the documentation. */
export const serviceSettingsSchema = { ...operationSettings, ...receiverSettings, ...sourceSettings };

export type ServiceValues = ValuesOf<typeof serviceSettingsSchema>;

/** What the service can be told. */
export interface ServiceSettings {
  /** The settings that every app has. */
  readonly core: Settings;
  readonly service: ServiceValues;
}

/**
 * Reads all settings of the service.
 *
 * @throws {SettingsError} naming every wrong one.
 */
export function readServiceSettings(lookUp: (name: string) => string | undefined): ServiceSettings {
  const { found, problems } = readValues(serviceSettingsSchema, lookUp);
  const all: SettingProblem[] = [...problems];
  const contradictions = [
    ...findContradictions(found),
    ...findReceiverContradictions(found),
    ...findSourceContradictions(found),
  ];
  for (const contradiction of contradictions) {
    // A setting that is wrong by itself is not missing.
    if (!problems.some(({ setting }) => setting === contradiction.setting)) all.push(contradiction);
  }
  let core: Settings | undefined;
  try {
    core = readSettings(lookUp, ['obs', 's3', 'az', 'gs', 'file']);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    all.unshift(...error.problems);
  }
  if (core === undefined || all.length > 0) throw new SettingsError(all);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever is missing was a problem
  return { core, service: found as ServiceValues };
}

function* findContradictions(values: Partial<ServiceValues>): Generator<SettingProblem, void, undefined> {
  if ((values.tls_cert_file === undefined) !== (values.tls_key_file === undefined)) {
    yield {
      setting: values.tls_cert_file === undefined ? 'tls_cert_file' : 'tls_key_file',
      expected: 'the other half of the certificate',
      found: 'nothing',
    };
  }
  if (values.listen !== undefined && !isLoopbackAddress(values.listen) && values.token === undefined) {
    yield {
      setting: 'token',
      expected: `a token, as the service listens beyond this machine (${values.listen})`,
      found: 'nothing',
    };
  }
}

/** Is an address of the setting `listen` reached from this machine only? */
export function isLoopbackAddress(listen: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\]):/.test(listen);
}

function parseText(text: string): { readonly value: string } {
  return { value: text };
}
