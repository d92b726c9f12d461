import hostJson from '../host.json' with { type: 'json' };

/**
 * What host.json says, or the app setting that overrides it: `AzureFunctionsJobHost__` and the path.
 * Source: Azure Functions, "host.json reference", Override host.json values.
 */
function read(path: string, ours: string): string {
  const wanted = `AzureFunctionsJobHost__${path}`.toLowerCase();
  // The host is .NET, whose configuration knows no case.
  const override = Object.entries(process.env).find(([name]) => name.toLowerCase() === wanted);
  return override?.[1] ?? ours;
}

/** When the host ends an invocation, in milliseconds from its start; `Infinity` if it never does. */
export function readFunctionTimeoutMs(): number {
  // The host does not start with a timeout that it cannot read.
  return (
    parseTimeSpan(read('functionTimeout', hostJson.functionTimeout)) ??
    parseTimeSpan(hostJson.functionTimeout) ??
    0
  );
}

/** How often the host delivers a queue message before it moves it to the poison queue. */
export function readMaxDequeueCount(): number {
  const { maxDequeueCount } = hostJson.extensions.queues;
  return Number(read('extensions__queues__maxDequeueCount', String(maxDequeueCount)));
}

/** .NET's `[d.]hh:mm:ss[.fff]`, or `-1` for none. */
function parseTimeSpan(text: string): number | undefined {
  if (text === '-1') return Infinity;
  const [, days = '0', hours, minutes, seconds] =
    /^(?:(\d+)\.)?(\d+):(\d+):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (hours === undefined) return undefined;
  return ((Number(days) * 24 + Number(hours)) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
}
