/** Where the time goes, as a list: functions by the time spent in themselves. */
import { type Call, type Frame, isNoFunction } from './cpu-profile.ts'

export interface FunctionTime {
  readonly frame: Frame
  selfUs: number
  /** With what it calls; a function that calls itself counts once. */
  totalUs: number
}

export interface TimeList {
  /** Without `(idle)`: what the percentages are of. Reads that the loop makes between callbacks count as idle. */
  readonly busyUs: number
  readonly idleUs: number
  /** By self time, longest first. */
  readonly functions: readonly FunctionTime[]
  /** `(program)` and `(garbage collector)`, longest first. */
  readonly outside: readonly FunctionTime[]
  /** Self time of functions by their room, longest first. */
  readonly rooms: readonly { readonly room: string; readonly selfUs: number }[]
}

export function listTimes(root: Call): TimeList {
  const times = new Map<string, FunctionTime>()
  addTimes(root, times, new Set())
  const all = [...times.values()].filter(({ frame }) => frame.name !== '(root)')
  all.sort((a, b) => b.selfUs - a.selfUs)
  const idleUs = times.get('(idle) ')?.selfUs ?? 0
  const functions = all.filter(({ frame }) => !isNoFunction(frame.name))
  const outside = all.filter(({ frame }) => isNoFunction(frame.name) && frame.name !== '(idle)')
  return { busyUs: root.totalUs - idleUs, idleUs, functions, outside, rooms: roomTimes(functions) }
}

function addTimes(call: Call, times: Map<string, FunctionTime>, above: Set<string>): void {
  const key = `${call.frame.name} ${call.frame.place}`
  let time = times.get(key)
  if (time === undefined) {
    time = { frame: call.frame, selfUs: 0, totalUs: 0 }
    times.set(key, time)
  }
  time.selfUs += call.selfUs
  const isOutermost = !above.has(key)
  if (isOutermost) {
    time.totalUs += call.totalUs
    above.add(key)
  }
  for (const child of call.children) addTimes(child, times, above)
  if (isOutermost) above.delete(key)
}

function roomTimes(functions: readonly FunctionTime[]): TimeList['rooms'] {
  const rooms = new Map<string, number>()
  for (const { frame, selfUs } of functions) rooms.set(frame.room, (rooms.get(frame.room) ?? 0) + selfUs)
  return [...rooms].map(([room, selfUs]) => ({ room, selfUs })).toSorted((a, b) => b.selfUs - a.selfUs)
}

/** The list as text, `count` functions long. */
export function formatTimes({ busyUs, idleUs, functions, outside, rooms }: TimeList, count: number): string {
  const percent = (us: number): string => (busyUs > 0 ? `${((us / busyUs) * 100).toFixed(1)} %` : '-').padStart(7)
  const milliseconds = (us: number): string => (us / 1000).toFixed(0)
  const lines = [
    `busy ${milliseconds(busyUs)} ms, waiting and reading ${milliseconds(idleUs)} ms; shares are of the busy time`,
    '',
    '   self   total  function',
    ...functions.slice(0, count).map(({ frame, selfUs, totalUs }) => {
      return `${percent(selfUs)} ${percent(totalUs)}  ${frame.name}  ${frame.place === '' ? 'native' : frame.place}`
    }),
    '',
    '   self  outside of functions',
    ...outside.map(({ frame, selfUs }) => `${percent(selfUs)}  ${frame.name}`),
    '',
    '   self  room',
    ...rooms.map(({ room, selfUs }) => `${percent(selfUs)}  ${room}`),
  ]
  return lines.join('\n')
}
