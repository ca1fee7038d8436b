/**
 * Changes to a field section, compiled from a route: what to take out by name, what to call otherwise, what to add as bytes.
 *
 * They work on the lines that go on and on those that the proxy adds itself, in this order: a line is renamed (once), then
 * removed, or replaced by one that is set; then others are added.
 */
import type { FieldEdits, FieldLine } from '../snapshot.ts'
import { identifyField } from './field-names.ts'
import { OWNED_FIELDS } from './owned-fields.ts'

export type MessageSide = 'request' | 'response'

export interface Renaming {
  /** As it is written. */
  readonly name: string
  /** The bit of the new name, if it is one that we know. */
  readonly bit: number
}

export interface CompiledEdits {
  /** Lower-case names whose lines are called otherwise, or taken out (`null`). */
  readonly names: ReadonlyMap<string, Renaming | null>
  /** The same for the names we know, as a bit each: what we would add under them is for the route to say, too. */
  readonly knownMask: number
  /** Bits of names that we know, whose lines are taken out whatever `names` says. */
  readonly drops: number
  /** Lines to add, each with its CRLF. */
  readonly lines: Buffer
}

/**
 * `null` where there is nothing to change, so that the common case is one test. `lines` are those of `edits` that are the
 * same for every request. Throws where a name is none, or is ours.
 */
export function compileEdits(edits: FieldEdits, lines: readonly FieldLine[], side: MessageSide): CompiledEdits | null {
  const set = edits.set.map(([name]) => name)
  const named = [...edits.rename.flat(), ...edits.remove, ...set, ...edits.add.map(([name]) => name)]
  if (named.length === 0) return null
  for (const name of named) check(name, side)
  const gone = new Set([...edits.remove, ...set.map(name => name.toLowerCase())])
  const names = new Map<string, Renaming | null>([...gone].map(name => [name, null]))
  for (const [from, to] of edits.rename) names.set(from, gone.has(to.toLowerCase()) ? null : renaming(to))
  let knownMask = 0
  for (const name of names.keys()) knownMask |= bitOf(name)
  return { names, knownMask, drops: 0, lines: Buffer.from(formatFields(lines), 'latin1') }
}

function check(name: string, side: MessageSide): void {
  if (!/^[!#$%&'*+\-.^`|~\w]+$/.test(name)) throw new Error(`${JSON.stringify(name)} is not a field name`)
  const lower = name.toLowerCase()
  if (OWNED_FIELDS.has(lower) || (lower === 'host' && side === 'request')) {
    throw new Error(`a route may not change the field ${name}: it is for the proxy to write`)
  }
}

function renaming(to: string): Renaming {
  return { name: to, bit: bitOf(to) }
}

/** 0 for a name that we do not know. */
function bitOf(name: string): number {
  return (1 << identifyField(Buffer.from(name, 'latin1'), 0, name.length)) & ~1
}

/** The field lines of an answer of our own, renamed and taken out as `edits` have it; what they add is not among them. */
export function editFields(fields: readonly FieldLine[], edits: CompiledEdits | null): readonly FieldLine[] {
  if (edits === null) return fields
  return fields.flatMap(([name, value]) => {
    const change = edits.names.get(name.toLowerCase())
    if (change === null) return []
    return [[change === undefined ? name : change.name, value] as const]
  })
}

export function formatFields(fields: readonly FieldLine[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}
