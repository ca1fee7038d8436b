/** Where measurements are kept: opened before anything is measured, so that nothing is measured in vain. */
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { PerfFailure } from './failure.ts'

/** Makes the file, and gives what writes rows into it as JSON; without a path, what does nothing. */
export function outputFile(path: string | undefined): (content: unknown) => void {
  if (path === undefined) return () => undefined
  // What is there stays there until there is something better.
  tryWriting(path, () => closeSync(openSync(path, 'a')))
  return content => tryWriting(path, () => writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`))
}

function tryWriting(path: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    throw new PerfFailure(`--out: cannot write ${path}: ${(error as Error).message}`)
  }
}
