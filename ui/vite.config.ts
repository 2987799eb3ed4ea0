// Builds the window. `vite build` is the product; `--mode design` is the same window on the in-memory host, for tests and
// for design, and goes to target/ so that no fixture is ever shipped.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  base: './',
  clearScreen: false,
  define: { __DESIGN__: JSON.stringify(mode !== 'production') },
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  build: {
    outDir: mode === 'design' ? '../target/ui/site' : 'dist',
    emptyOutDir: true,
    target: 'safari16',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { port: 5173, strictPort: true },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts'], restoreMocks: true, env: { TZ: 'UTC' } },
}));
