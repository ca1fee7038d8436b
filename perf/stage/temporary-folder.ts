import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from '../../native-bench/frame/clean-up.ts'

export interface TemporaryFolder extends Disposable {
  readonly path: string
}

/** An empty folder, removed with all that is in it by `using`, or when the process ends. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'sluice-perf-'))
  const remove = atEnd(() => rmSync(path, { recursive: true, force: true }))
  return { path, [Symbol.dispose]: remove }
}
