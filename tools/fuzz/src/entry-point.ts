import type { Input } from './inputs.ts';
import type { PlatformName } from './seeds.ts';

/** Into the functions. */
export const functionNames = [
  'functiongraph',
  'aws-lambda',
  'azure-event-grid',
  'azure-queue',
  'gcf-cloud-event',
  'gcf-event',
  'gcf-push',
] as const;

/** Into the service by HTTP. */
export const receiverNames = [
  'service-smn',
  'service-sns',
  'service-event-grid',
  'service-huawei-event-grid',
  'service-pubsub',
  'service-webhook',
] as const;

export const entryPointNames = [...functionNames, ...receiverNames, 'cli'] as const;

export type ReceiverName = (typeof receiverNames)[number];
export type EntryPointName = (typeof entryPointNames)[number];

/** What an entry point answered. */
export type Answer =
  /** It was done, and the platform takes back what the answer says. */
  | { readonly kind: 'done'; readonly value: unknown }
  /** It failed: the platform takes everything back. */
  | { readonly kind: 'failed'; readonly errorType: string; readonly text: string }
  /** The platform's own part refused it: the function never saw it. */
  | { readonly kind: 'refused'; readonly text: string };

/** A way into the bundle of a function. */
export interface EntryPoint {
  readonly name: (typeof functionNames)[number];
  readonly platform: PlatformName;
  /** The folders of its recorded events. */
  readonly fixtures: readonly string[];
  /** May values come in that JSON cannot say? */
  readonly inProcess: boolean;
  /** Loads the bundle; what it gives calls the function with an input. */
  load(context: LoadContext): Promise<(input: Input) => Promise<Answer>>;
}

export interface LoadContext {
  /** The root of the workspace, where `dist` is. */
  readonly root: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Gets what the platform would log. */
  readonly log: (line: string) => void;
}
