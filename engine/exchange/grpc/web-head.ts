/** A head with some of its lines left out and others put behind: what translating a call changes of it. */
import { identifyField } from '../../http/field-names.ts'
import { Head } from '../../http/head.ts'
import type { FieldLine } from '../../snapshot.ts'

export interface ChangedHead {
  readonly head: Head
  /** By how much the lines lie further back that come behind this position of the old head. */
  readonly moved: (position: number) => number
}

/** `without` are names in lower case. The start line stays where it is. The new head has bytes of its own. */
export function changeHead(old: Head, without: ReadonlySet<string>, more: readonly FieldLine[]): ChangedHead {
  const { fieldCount } = old
  const kept: number[] = []
  for (let index = 0; index < fieldCount; index += 1) {
    if (!without.has(old.name(index).toLowerCase())) kept.push(index)
  }
  const startLineEnd = fieldCount > 0 ? old.nameStart(0) : old.length - 2
  const lines = kept.map(index => old.text(old.nameStart(index), old.lineEnd(index)))
  const added = more.map(([name, value]) => `${name}: ${value}\r\n`)
  const text = `${old.text(0, startLineEnd)}${[...lines, ...added].join('')}\r\n`
  const head = new Head(Buffer.from(text, 'latin1'), kept.length + more.length)
  head.length = text.length
  head.targetStart = old.targetStart
  head.targetEnd = old.targetEnd
  /** Of each line that stays, where it was, and by how much it has moved. */
  const moves: [start: number, end: number, by: number][] = []
  let at = startLineEnd
  for (const index of kept) {
    const start = old.nameStart(index)
    const by = at - start
    head.addName(at, old.nameEnd(index) + by)
    head.setValue(old.valueStart(index) + by, old.valueEnd(index) + by)
    head.ids[head.fieldCount - 1] = old.ids[index] as number
    moves.push([start, old.lineEnd(index), by])
    at += old.lineEnd(index) - start
  }
  for (const [name, value] of more) {
    const nameEnd = at + name.length
    head.addName(at, nameEnd)
    head.setValue(nameEnd + 2, nameEnd + 2 + value.length)
    head.ids[head.fieldCount - 1] = identifyField(head.bytes, at, nameEnd)
    at = nameEnd + 2 + value.length + 2
  }
  return {
    head,
    moved: position => moves.find(([start, end]) => start <= position && position < end)?.[2] ?? 0,
  }
}
