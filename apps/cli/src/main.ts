#!/usr/bin/env node
import { run } from './program.ts';

// Nothing else may run after this: a stream that is still full is emptied before the process ends.
run(process.argv, { stdout: process.stdout, stderr: process.stderr, env: process.env }).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
