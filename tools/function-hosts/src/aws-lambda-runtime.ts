// The process that a Lambda function runs in: the loop of the Runtime API, as aws-lambda-ric has it, in a few lines.
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API".
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { LastLines } from './process.ts';

interface Context {
  readonly awsRequestId: string;
  readonly invokedFunctionArn: string | undefined;
  readonly callbackWaitsForEmptyEventLoop: boolean;
  getRemainingTimeInMillis(): number;
}

type Handler = (event: unknown, context: Context) => unknown;

const base = `http://${process.env['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime`;
const codeRoot = process.env['LAMBDA_TASK_ROOT'] ?? '/var/task';
const [file = 'index', name = 'handler'] = (process.env['_HANDLER'] ?? 'index.handler').split(/\.(?=[^.]*$)/);
const agent = new http.Agent({ keepAlive: true });

// Lambda writes time, request id and level in front of each line.
let requestId = '';
for (const level of ['debug', 'info', 'warn', 'error'] as const) {
  console[level] = (line: unknown) => {
    process.stdout.write(
      `${new Date().toISOString()}\t${requestId}\t${level.toUpperCase()}\t${String(line)}\n`,
    );
  };
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- anybody's code; a handler that is none fails below
const code = createRequire(`${codeRoot}/`)(path.join(codeRoot, file)) as Record<string, Handler>;
void serve();

async function serve(): Promise<void> {
  for (;;) {
    const { headers, body } = await call('GET', '/invocation/next');
    requestId = String(headers['lambda-runtime-aws-request-id']);
    const deadline = Number(headers['lambda-runtime-deadline-ms']);
    const context: Context = {
      awsRequestId: requestId,
      invokedFunctionArn: headers['lambda-runtime-invoked-function-arn']?.toString(),
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => deadline - Date.now(),
    };
    try {
      const value = await code[name]?.(JSON.parse(body), context);
      process.stdout.write(`${LastLines.format(requestId)}\n`);
      await call('POST', `/invocation/${requestId}/response`, JSON.stringify(value) ?? 'null');
    } catch (error) {
      process.stdout.write(`${LastLines.format(requestId)}\n`);
      const { name: errorType, message: errorMessage } =
        error instanceof Error ? error : new Error(String(error));
      await call(
        'POST',
        `/invocation/${requestId}/error`,
        JSON.stringify({ errorType, errorMessage, trace: [] }),
      );
    }
  }
}

function call(
  method: string,
  route: string,
  body?: string,
): Promise<{ headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${base}${route}`, { method, agent }, (response) => {
      text(response).then((answer) => resolve({ headers: response.headers, body: answer }), reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}
