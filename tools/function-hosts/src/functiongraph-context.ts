import { format } from 'node:util';

/**
 * The context that a function gets. The names, the defaults and the format of the log lines are those of the runtime's
 * own context.js and logger.js, as published by T Cloud Public (otc-functiongraph-nodejs-runtime), which runs the same
 * software.
 */
export function makeContext(requestId: string, environment: NodeJS.ProcessEnv): object {
  const startedAt = Date.now();
  // The default timeout is 3 s.
  const timeoutMs = Number(environment['RUNTIME_TIMEOUT'] ?? 3) * 1000;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the host wrote it
  const userData = JSON.parse(environment['RUNTIME_USERDATA'] ?? '{}') as Record<string, string>;
  const logger = makeLogger(requestId);
  return {
    getRequestID: () => requestId,
    getRemainingTimeInMilliSeconds: () => timeoutMs + startedAt - Date.now(),
    getRunningTimeInSeconds: () => timeoutMs,
    getUserData: (key: string) => userData[key],
    getFunctionName: () => environment['RUNTIME_FUNC_NAME'] ?? '',
    getVersion: () => environment['RUNTIME_FUNC_VERSION'] ?? 'latest',
    getPackage: () => environment['RUNTIME_PACKAGE'] ?? 'default',
    getProjectID: () => environment['RUNTIME_PROJECT_ID'] ?? '',
    getMemorySize: () => environment['RUNTIME_MEMORY'] ?? '128',
    getCPUNumber: () => environment['RUNTIME_CPU'] ?? '100',
    getAlias: () => '',
    // Without an agency there are no keys.
    getSecurityAccessKey: () => '',
    getSecuritySecretKey: () => '',
    getSecurityToken: () => '',
    getToken: () => '',
    getLogger: () => logger,
  };
}

function makeLogger(requestId: string): object {
  let level = 'INFO';
  const write = (name: string, parts: readonly unknown[]) => {
    console.log(`${new Date().toISOString()} ${requestId} ${name} ${format(...parts)}`);
  };
  const logWhen = (name: string, levels: readonly string[]) => {
    return (...parts: unknown[]) => {
      if (levels.includes(level)) write(name, parts);
    };
  };
  return {
    setLevel: (name: string) => {
      if (['DEBUG', 'INFO', 'WARN', 'ERROR'].includes(name)) level = name;
    },
    debug: logWhen('DEBUG', ['DEBUG']),
    info: logWhen('INFO', ['DEBUG', 'INFO']),
    warn: logWhen('WARN', ['DEBUG', 'INFO', 'WARN']),
    error: logWhen('ERROR', ['DEBUG', 'INFO', 'WARN', 'ERROR']),
  };
}
