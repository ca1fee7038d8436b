import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const EXCLUDED = ['test/slow/**', '**/node_modules/**']

/**
 * Tests that look at what a thread has from its start: which modules it has loaded, and how much memory it takes. Each of
 * these files has a process to itself.
 */
const ALONE = ['test/engine/routing/regex.test.ts', 'test/integration/reload/memory.test.ts']

export default defineConfig({
  test: {
    pool: 'forks',
    globalSetup: ['scripts/bundle-test-workers.ts'],
    // More than cores: much of a test's time is spent waiting for a deadline, or for another process.
    maxWorkers: 3,
    // Every engine that a test starts has threads of its own: without it each of them would strip and compile all anew.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // How long `expect.poll` looks before it gives up: the default of 1 s is too little on a machine that does other work.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      {
        extends: true,
        // One process after the other takes many files: to start one, and to load vitest and the engine in it, costs a third
        // of a second, which is more than most files need for their tests.
        test: { name: 'shared', include: ['test/**/*.test.ts'], exclude: [...EXCLUDED, ...ALONE], isolate: false },
      },
      {
        extends: true,
        test: { name: 'alone', include: ALONE, exclude: EXCLUDED },
      },
    ],
  },
})
