#!/usr/bin/env node
import { run } from './program.ts';

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
  process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));
}
