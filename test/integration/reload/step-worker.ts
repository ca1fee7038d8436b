/**
 * A worker module for tests of reloads: at a step of a reload it waits, refuses or dies where a test says so; and it tells
 * which generations, upstreams and routers of the past it still has in memory.
 */
import { Generation } from '../../../engine/exchange/generation.ts'
import { ownerData, runWorker, workerIndex } from '../../../engine/index.ts'
import { DataPlane } from '../../../engine/threads/data-plane.ts'
import { collect } from '../../support/collect.ts'
import {
  CELLS_OF_WORKER,
  COMMIT,
  COMMITTED,
  DIE,
  PREPARE,
  PREPARED,
  REFUSE,
  type Step,
  type StepData,
  WAIT,
} from './steps.ts'

const { cells, channel: channelName } = ownerData() as StepData
const base = workerIndex() * CELLS_OF_WORKER
let isBorn = false

function orderAt(step: Step): number {
  Atomics.add(cells, base + step + 1, 1)
  Atomics.notify(cells, base + step + 1)
  const order = Atomics.load(cells, base + step)
  if (order === DIE) process.exit(7)
  if (order === REFUSE) throw new Error('a test wants it so')
  return order
}

async function passes(step: Step): Promise<void> {
  if (orderAt(step) !== WAIT) return
  await Atomics.waitAsync(cells, base + step, WAIT).value
  if (Atomics.load(cells, base + step) === DIE) process.exit(7)
}

const { start, prepare, commit } = DataPlane.prototype

DataPlane.prototype.start = async function (plan) {
  const addresses = await start.call(this, plan)
  isBorn = true
  return addresses
}

DataPlane.prototype.prepare = async function (plan) {
  if (isBorn) await passes(PREPARE)
  const addresses = await prepare.call(this, plan)
  if (isBorn) await passes(PREPARED)
  return addresses
}

DataPlane.prototype.commit = function (generation, moved) {
  if (isBorn) orderAt(COMMIT)
  const oldest = commit.call(this, generation, moved)
  if (isBorn) orderAt(COMMITTED)
  return oldest
}

const past: WeakRef<object>[] = []
const { retire } = Generation.prototype

Generation.prototype.retire = function (next, onEnd) {
  const gone = this.upstreams.filter(upstream => !next.upstreams.includes(upstream))
  const routers = this.listeners.map(({ router }) => router)
  past.push(...[this, ...gone, ...routers].map(one => new WeakRef(one)))
  retire.call(this, next, onEnd)
}

const channel = new BroadcastChannel(channelName)
channel.onmessage = ({ data }: { data: unknown }) => {
  if (data !== 'alive') return
  collect()
  channel.postMessage({ worker: workerIndex(), past: past.length, alive: past.filter(ref => ref.deref()).length })
}
channel.unref()

void runWorker({ onExchange: null, onFlow: null, onStop: null })
