import { defineConfig } from 'vitest/config'

/** Tests that take minutes and all of the machine: one file after the other, and never part of `npm test`. */
export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    globalSetup: ['scripts/slow-test-packages.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
})
