/** What the host and the process of the functions say to each other. */

/** A value as the host sends it to the worker. Source: Azure/azure-functions-language-worker-protobuf, TypedData. */
export type TypedData = { readonly json: string } | { readonly string: string };

export type AzureLogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

/** A function that the app has registered. */
export interface AzureFunction {
  readonly name: string;
  /** By the binding's name; one of them is the trigger. */
  readonly bindings: Readonly<Record<string, AzureBinding>>;
}

export interface AzureBinding {
  readonly type: string;
  readonly [property: string]: unknown;
}

/** What the host sends. */
export interface AzureInvocation {
  readonly invocationId: string;
  readonly functionName: string;
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
}

/** What comes back. */
export type AzureAnswer =
  | { readonly kind: 'ready'; readonly functions: readonly AzureFunction[] }
  | {
      readonly kind: 'log';
      readonly functionName: string;
      readonly invocationId: string;
      readonly level: AzureLogLevel;
      readonly message: string;
    }
  | { readonly kind: 'result'; readonly invocationId: string; readonly value: unknown }
  | {
      readonly kind: 'failure';
      readonly invocationId: string;
      readonly errorType: string;
      readonly errorMessage: string;
    };
