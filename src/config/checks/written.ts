import { jsonSchemaAt } from '../json-schema.ts'
import type { KeyPath } from '../positions.ts'
import type { ProblemCode } from '../problem-codes.ts'
import { parseDuration } from '../units.ts'

/** A configuration as it was written: anything may have the wrong kind, which the schema reports. */

export type Section = Readonly<Record<string, unknown>>
/** `about`: another key that the message speaks of; its line is told behind the message. */
export type Report = (code: ProblemCode, path: KeyPath, message: string, hint?: string, about?: KeyPath) => void

export function mapOf(value: unknown): Section {
  return isMap(value) ? value : {}
}

export function isMap(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** A value as it was written, or the default that the schema has for it. */
export function valueOrDefault(section: Section, path: KeyPath): unknown {
  const written = section[String(path.at(-1))]
  return written === undefined ? jsonSchemaAt(path)?.default : written
}

/** Milliseconds; `null` where the value is no duration. */
export function millisecondsOf(value: unknown): number | null {
  const parsed = typeof value === 'string' ? parseDuration(value, 0, Number.MAX_SAFE_INTEGER) : null
  return parsed?.ok ? parsed.value : null
}

/** Keys that are there. */
export function keysIn(section: Section, keys: readonly string[]): string[] {
  return keys.filter(key => section[key] !== undefined)
}
