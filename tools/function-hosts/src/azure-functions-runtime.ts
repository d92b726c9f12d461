// The process that functions run in, as the host starts it.
import type { AzureAnswer, AzureInvocation } from './azure-functions-messages.ts';
import { AzureWorker } from './azure-functions-worker.ts';

const worker = AzureWorker.load(process.env['AzureWebJobsScriptRoot'] ?? '/home/site/wwwroot');

process.on('message', (invocation: AzureInvocation) => {
  void answer(invocation);
});
void start();

async function start(): Promise<void> {
  send({ kind: 'ready', functions: (await worker).functions });
}

async function answer(invocation: AzureInvocation): Promise<void> {
  const { invocationId, functionName } = invocation;
  try {
    const value = await (
      await worker
    ).invoke(invocation, (level, message) =>
      send({ kind: 'log', functionName, invocationId, level, message }),
    );
    send({ kind: 'result', invocationId, value });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ kind: 'failure', invocationId, errorType: name, errorMessage: message });
  }
}

function send(message: AzureAnswer): void {
  process.send?.(message);
}
