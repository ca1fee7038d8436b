import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The variable with the folder in which `scripts/bundle-test-workers.ts` has put them. */
export const WORKERS_FOLDER = 'SLUICE_TEST_WORKERS'

/** The sources that worker threads of tests begin with, by their names in that folder. */
export const WORKER_MODULES = {
  'engine-worker': new URL('../../engine/threads/engine-worker.ts', import.meta.url),
  'step-worker': new URL('../integration/reload/step-worker.ts', import.meta.url),
  'instrumented-worker': new URL('./instrumented-worker.ts', import.meta.url),
} as const

/**
 * The module for a worker thread: with all that it imports in one file, as the product's threads have it, where such files were
 * made before the tests; else the source. A thread takes a quarter of the time to start from one file that it takes from two hundred.
 */
export function workerModule(name: keyof typeof WORKER_MODULES): URL {
  const folder = process.env[WORKERS_FOLDER]
  return folder === undefined ? WORKER_MODULES[name] : pathToFileURL(join(folder, `${name}.mjs`))
}
