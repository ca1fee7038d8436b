import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/slow/**', '**/node_modules/**'],
    pool: 'forks',
    maxWorkers: 2,
    // Every engine that a test starts has threads of its own: without it each of them would strip and compile all anew.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // How long `expect.poll` looks before it gives up: the default of 1 s is too little on a machine that does other work.
    expect: { poll: { timeout: 10_000 } },
  },
})
