import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{packages,apps,tools}/*/src/**/*.test.ts'],
    // No test sleeps; those that start a process or a bundle get their time.
    testTimeout: 30_000,
    hookTimeout: 180_000, // A store of several processes (radosgw) starts in 2 to 30 seconds.
    reporters: ['default'],
    // Vitest leaves a core free; most of these tests wait for processes and the network.
    maxWorkers: Math.max(3, availableParallelism() - 1),
  },
});
