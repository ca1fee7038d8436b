import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Throws away what nobody holds in this thread, at once. */
export function collect(): void {
  setFlagsFromString('--expose-gc')
  const run = runInNewContext('gc') as () => void
  run()
}
