/** A process that starts an engine of the plainest kind, and says what has been imported for that, in each thread. */
import { registerHooks } from 'node:module'
import { isMainThread, parentPort } from 'node:worker_threads'
import type { Snapshot } from '../../../engine/snapshot.ts'

export interface Imported {
  /** Of ours, from the root of the repository on. */
  readonly files: readonly string[]
  /** Of Node's, loaded by whomever: `http`, `crypto`. */
  readonly builtins: readonly string[]
}

const ROOT = new URL('../../../', import.meta.url).href
const files: string[] = []

registerHooks({
  load(url, context, next) {
    if (url.startsWith(ROOT)) files.push(url.slice(ROOT.length))
    return next(url, context)
  },
})

function imported(): Imported {
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] }
  const builtins = moduleLoadList.flatMap(name => (name.startsWith('NativeModule ') ? [name.slice(13)] : []))
  return { files, builtins }
}

/** What a worker says: the length of the text, then the text. A channel would import much by itself. */
const BYTES_MAX = 1_000_000

if (isMainThread) {
  process.once('message', async (snapshot: Snapshot) => {
    const { startEngine } = await import('../../../engine/index.ts')
    const told = new SharedArrayBuffer(4 + BYTES_MAX)
    const length = new Int32Array(told, 0, 1)
    const engine = await startEngine({
      snapshot,
      workers: 1,
      shutdownGraceMs: 100,
      workerModule: new URL(import.meta.url),
      ownerData: told,
    })
    await Atomics.waitAsync(length, 0, 0).value
    const text = Buffer.from(new Uint8Array(told, 4, length[0])).toString()
    process.send?.({ supervisor: imported(), worker: JSON.parse(text) as Imported })
    await engine.stop()
    process.disconnect?.()
  })
} else if (parentPort !== null) {
  const { ownerData, runWorker } = await import('../../../engine/index.ts')
  await runWorker({ onExchange: null, onFlow: null, onStop: null })
  const told = ownerData() as SharedArrayBuffer
  const text = Buffer.from(JSON.stringify(imported()))
  new Uint8Array(told, 4).set(text)
  const length = new Int32Array(told, 0, 1)
  Atomics.store(length, 0, text.length)
  Atomics.notify(length, 0)
}
