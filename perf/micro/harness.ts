/**
 * What a bench file needs: `bench` for each of its benches, and `await runIfMain(import.meta)` as its last line. Nothing
 * is measured here, so that a bench file can judge the code of a tree in which the measuring tools are not installed.
 */

export interface Bench {
  readonly name: string
  /** Its result is kept from being optimised away. */
  readonly run: () => unknown
  /** What one call of `run` does so many times. */
  readonly operations: number
}

const registered: Bench[] = []

/**
 * Declares a bench. `run` is synchronous, and varies what it feeds (see `cycle`): the compiler would work out the
 * answer for one constant input, and does for no peer's.
 */
export function bench(name: string, run: () => unknown, operations = 1): void {
  registered.push({ name, run, operations })
}

/** The benches that files have declared so far. */
export function benches(): readonly Bench[] {
  return registered
}

/** Gives one value after the other, over and over. */
export function cycle<Value>(values: readonly Value[]): () => Value {
  let at = 0
  return () => {
    const value = values[at] as Value
    at = at + 1 === values.length ? 0 : at + 1
    return value
  }
}

/** Runs the file's benches where it is what Node was told to run. */
export async function runIfMain(meta: ImportMeta): Promise<void> {
  if (!meta.main) return
  const { runAlone } = await import('./runner.ts')
  await runAlone(meta.filename)
}
