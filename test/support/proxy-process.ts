/** A process of its own that runs an engine: told the snapshot over IPC, it tells its listeners and, asked for, its stats. */
import { type Engine, startEngine } from '../../engine/index.ts'
import type { Snapshot } from '../../engine/snapshot.ts'
import type { FromProxyProcess, ToProxyProcess } from './proxy-in-process.ts'
import { workerModule } from './worker-module.ts'

let engine: Engine | null = null
const tell = (message: FromProxyProcess) => process.send?.(message)

async function start(snapshot: Snapshot, workers: number): Promise<void> {
  engine = await startEngine({ snapshot, workers, shutdownGraceMs: 1_000, workerModule: workerModule('engine-worker') })
  tell({ kind: 'listening', listeners: engine.listeners })
}

async function reload(snapshot: Snapshot): Promise<void> {
  if (engine === null) return
  try {
    tell({ kind: 'reloaded', report: await engine.reload(snapshot) })
  } catch (error) {
    tell({ kind: 'refused', error: (error as Error).message })
  }
}

process.on('message', (message: ToProxyProcess) => {
  if (message.kind === 'start') void start(message.snapshot, message.workers)
  else if (message.kind === 'reload') void reload(message.snapshot)
  else if (engine !== null) tell({ kind: 'stats', stats: engine.stats() })
})
// The test has ended, in whatever way.
process.on('disconnect', () => process.exit())
