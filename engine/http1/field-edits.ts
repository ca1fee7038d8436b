/** Changes to a field section, compiled from a route: what to take out by name, what to add as bytes. */
import type { FieldEdits, FieldLine } from '../snapshot.ts'
import { identifyField } from './field-names.ts'

export interface CompiledEdits {
  /** Lower-case names whose lines are taken out. */
  readonly names: ReadonlySet<string>
  /** The same for the names we know, as a bit each: what we would add under them is left to the route, too. */
  readonly knownMask: number
  /** Lines to add, each with its CRLF. */
  readonly lines: Buffer
}

/** `null` where there is nothing to change, so that the common case is one test. */
export function compileEdits(edits: FieldEdits): CompiledEdits | null {
  if (edits.set.length === 0 && edits.remove.length === 0) return null
  const names = new Set<string>(edits.remove)
  for (const [name] of edits.set) names.add(name.toLowerCase())
  let knownMask = 0
  for (const name of names) knownMask |= 1 << identifyField(Buffer.from(name, 'latin1'), 0, name.length)
  return { names, knownMask: knownMask & ~1, lines: Buffer.from(formatFields(edits.set), 'latin1') }
}

export function formatFields(fields: readonly FieldLine[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}
