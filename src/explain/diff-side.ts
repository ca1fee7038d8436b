/** One of two configurations that are compared: as it is written, and as it counts. */
import type { Snapshot } from '../../engine/snapshot.ts'
import { type Checked, checkSource } from '../config/check.ts'
import { compileWithFiles } from '../config/compile-with-files.ts'
import { effectiveConfiguration } from '../config/effective.ts'
import { ConfigurationError } from '../config/errors.ts'
import { readFiles } from '../config/load.ts'
import { type KeyPath, NOWHERE, type Place, type Source } from '../config/positions.ts'
import { isSecret } from '../config/secrets.ts'

export type Model = Readonly<Record<string, unknown>>

/** A value that is compared and never shown. */
export class Secret {
  readonly #value: unknown

  constructor(value: unknown) {
    this.#value = value
  }

  equals(other: unknown): boolean {
    return other instanceof Secret && other.#value === this.#value
  }

  toJSON(): string {
    return '(secret)'
  }
}

export interface DiffSide {
  /** In the language, every default written out; every route has a name, as it has in the snapshot. */
  readonly model: Model
  readonly snapshot: Snapshot
  /** Texts that must not be shown. */
  readonly secrets: readonly string[]
}

/**
 * Reads both. Relative paths begin at the folder of the second one: an old version may lie anywhere.
 *
 * @throws {ConfigurationError}
 */
export async function readSides(before: string, after: string): Promise<readonly [DiffSide, DiffSide]> {
  const [old, next] = [await readFiles(before), await readFiles(after)]
  const { folder } = next
  return [sideOf(old.source, old.folder, folder), sideOf(next.source, folder, folder)]
}

/** `own` is the folder that it is checked in, `folder` the one that relative paths are taken to begin at. */
export function sideOf(source: Source, own: string, folder: string): DiffSide {
  const [{ model, secrets }, place] = checkedIn(source, own, folder)
  const compiled = compileWithFiles(model, folder, place).snapshot
  const written = withSecrets(effectiveConfiguration(source, place), source.value, [], source.root) as Model
  const names = routeNames(written)
  const routes = routesOf(written)
  return {
    secrets,
    model: { ...written, routes: routes.map((route, index) => ({ ...route, name: names[index] })) },
    snapshot: {
      ...compiled,
      routes: compiled.routes.map((route, index) => ({ ...route, name: names[index] ?? route.name })),
    },
  }
}

/** Certificates lie beside their configuration, or beside the other one: an old version was copied without them. */
function checkedIn(source: Source, own: string, folder: string): readonly [Checked, string] {
  try {
    return [checkSource(source, own), own]
  } catch (error) {
    if (own === folder || !(error instanceof ConfigurationError)) throw error
    return [checkSource(source, folder), folder]
  }
}

/** What stands for secrets in `shown` becomes what can be compared. */
function withSecrets(shown: unknown, value: unknown, path: KeyPath, place: Place): unknown {
  if (typeof shown !== 'object' || shown === null) return isSecret(path, place, value) ? new Secret(value) : shown
  const inside = (step: string | number, item: unknown) =>
    withSecrets(item, (value as Model | undefined)?.[step], [...path, step], place.children.get(step) ?? NOWHERE)
  if (Array.isArray(shown)) return shown.map((item, index) => inside(index, item))
  return Object.fromEntries(Object.entries(shown).map(([key, item]) => [key, inside(key, item)]))
}

export function routesOf({ routes }: Model): readonly Model[] {
  return Array.isArray(routes) ? (routes as Model[]) : []
}

/** A route without a name is called by what it matches: its place would make it another one wherever one is put before it. */
function routeNames(model: Model): string[] {
  const seen = new Map<string, number>()
  return routesOf(model).map(({ name, match }) => {
    if (typeof name === 'string') return name
    const label = JSON.stringify(match ?? {})
    const count = (seen.get(label) ?? 0) + 1
    seen.set(label, count)
    return count === 1 ? label : `${label} #${count}`
  })
}
