// The browser tests: Chromium on the design build, one after the other, pictures into target/ui.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const from = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: from('..'),
  resolve: {
    alias: {
      'playwright-core': from('node_modules/playwright-core/index.mjs'),
      'axe-core': from('node_modules/axe-core/axe.js'),
      vitest: from('node_modules/vitest/dist/index.js'),
    },
  },
  test: {
    environment: 'node',
    include: ['tests/ui/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 15_000 } },
    cache: false,
  },
});
