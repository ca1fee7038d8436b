import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', '**/node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // How long `expect.poll` looks before it gives up: the default of 1 s is too little on a machine that does other work.
    expect: { poll: { timeout: 10_000 } },
  },
})
