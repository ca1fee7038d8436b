/** What a `.cpuprofile` holds (the protocol's `Profiler.Profile`), and the call tree with times that is made of it. */
import { PerfFailure } from '../failure.ts'

export interface CallFrame {
  readonly functionName: string
  readonly url: string
  /** From 0; -1 where there is none. */
  readonly lineNumber: number
}

export interface ProfileNode {
  readonly id: number
  readonly callFrame: CallFrame
  readonly children?: readonly number[]
}

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** Microseconds. */
  readonly startTime: number
  readonly endTime: number
  /** Node ids, one for each sample. */
  readonly samples?: readonly number[]
  /** Microseconds between a sample and the one before it. */
  readonly timeDeltas?: readonly number[]
}

/** A call in the tree: one function called from one place. */
export interface Call {
  readonly frame: Frame
  selfUs: number
  totalUs: number
  readonly children: Call[]
}

/** A function, as people look for it. */
export interface Frame {
  readonly name: string
  /** `engine/net/connection.ts:120`, `node:net:10`; empty for what has no source. */
  readonly place: string
  /** `engine/net`, `node`, `wasm`, `native`, or the name of what is no function: `(program)`. */
  readonly room: string
}

export function parseProfile(text: string): CpuProfile {
  const profile = JSON.parse(text) as Partial<CpuProfile>
  const isWhole = Array.isArray(profile.nodes) && Array.isArray(profile.samples) && Array.isArray(profile.timeDeltas)
  if (!isWhole || profile.nodes?.length === 0) throw new PerfFailure('this is no CPU profile with samples')
  return profile as CpuProfile
}

/** The root of the tree; `root` is the folder that sources are named from, with a trailing slash. */
export function callTree(profile: CpuProfile, root: string): Call {
  const calls = new Map<number, Call>()
  for (const { id, callFrame } of profile.nodes) {
    calls.set(id, { frame: frameOf(callFrame, root), selfUs: 0, totalUs: 0, children: [] })
  }
  for (const { id, children = [] } of profile.nodes) {
    for (const child of children) calls.get(id)?.children.push(calls.get(child) as Call)
  }
  addSelfTimes(profile, calls)
  const top = calls.get(profile.nodes[0]?.id ?? 0) as Call
  addTotals(top)
  return top
}

/** A sample stands for the time until the next one. */
function addSelfTimes(
  { samples = [], timeDeltas = [], startTime, endTime }: CpuProfile,
  calls: Map<number, Call>,
): void {
  let time = startTime
  for (const [index, id] of samples.entries()) {
    time += timeDeltas[index] ?? 0
    const lasted = index + 1 < samples.length ? (timeDeltas[index + 1] ?? 0) : endTime - time
    const call = calls.get(id)
    // Samples are not always in the order of time.
    if (call !== undefined) call.selfUs += Math.max(0, lasted)
  }
}

function addTotals(call: Call): number {
  call.totalUs = call.selfUs
  for (const child of call.children) call.totalUs += addTotals(child)
  return call.totalUs
}

function frameOf({ functionName, url, lineNumber }: CallFrame, root: string): Frame {
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return { name, place: '', room: isNoFunction(name) ? name : 'native' }
  const path = url.startsWith('file://') ? decodeURIComponent(url.slice('file://'.length)) : url
  const file = path.startsWith(root) ? path.slice(root.length) : path
  return { name, place: `${file}:${lineNumber + 1}`, room: roomOf(file) }
}

/** What the profiler puts in the place of a function: idleness, the garbage collector, what is outside of JavaScript. */
export function isNoFunction(name: string): boolean {
  return name === '(root)' || name === '(program)' || name === '(idle)' || name === '(garbage collector)'
}

function roomOf(file: string): string {
  if (file.startsWith('node:')) return 'node'
  if (file.startsWith('wasm:')) return 'wasm'
  const within = file.startsWith('dist/') ? file.slice('dist/'.length) : file
  const parts = within.split('/')
  if (parts[0] === 'engine' && parts.length > 2) return `engine/${parts[1]}`
  return within.includes('node_modules/') ? 'node_modules' : (parts[0] ?? '')
}
