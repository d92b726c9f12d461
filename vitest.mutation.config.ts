import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vitest.config.ts';

// One set of modules for all test files: a thousand mutants mean a thousand runs.
export default mergeConfig(base, defineConfig({ test: { isolate: false } }));
