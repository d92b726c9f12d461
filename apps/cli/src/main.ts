#!/usr/bin/env -S node --
// Without the two dashes, Node.js 20 takes --env-file for its own, wherever it stands.
import { run } from './program.ts';

// The SDK of AWS warns of what is next year: nothing that the user of this tool can mend.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

// Whoever reads the output may have had enough (head, less): no reason to show a stack trace.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') console.error(error);
  process.exit(1);
});

run(process.argv, { stdout: process.stdout, stderr: process.stderr, env: process.env }).then(
  finish,
  (error: unknown) => {
    console.error(error);
    finish(1);
  },
);

/** Ends the process when all output is out, and not later: a call that was given up may still be under way. */
function finish(code: number): void {
  process.stdout.write('', (error) => {
    // Where nobody reads on, the event of the stream ends it, with its own code.
    if (error === null || error === undefined) process.stderr.write('', () => process.exit(code));
  });
}
