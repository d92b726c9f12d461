import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{packages,apps,tools}/*/src/**/*.test.ts'],
    // No test sleeps; those that start a process or a bundle get their time.
    testTimeout: 30_000,
    reporters: ['default'],
  },
});
