import { ensureSystemPackages, SLOW_TEST_PACKAGES, TEST_PACKAGES } from './system-packages.ts'

/** Before the first of the slow tests: the programs that they run are there, or are installed where that is possible. */
export default function setup(): void {
  if (!ensureSystemPackages([...TEST_PACKAGES, ...SLOW_TEST_PACKAGES], 'slow tests')) {
    throw new Error('programs that the slow tests need are missing')
  }
}
