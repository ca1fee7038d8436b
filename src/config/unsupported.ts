/**
 * What the language has a name for but this version cannot do. A configuration that uses it is refused, never run
 * without it. The table only shrinks: a row goes when its feature comes. `*` stands for any name or place.
 */
const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set([
  'admin',
  'runtime.offload_threads',
  'runtime.state_file',
  'routes.*.plugins',
])

/** Values of supported keys, likewise. */
const UNSUPPORTED_VALUES: ReadonlyMap<string, readonly string[]> = new Map()

/** The sections below which keys are names that the user chose. */
const NAMED_SECTIONS: ReadonlySet<string> = new Set(['listeners', 'upstreams'])

export function isUnsupportedKey(path: readonly (string | number)[]): boolean {
  return UNSUPPORTED_KEYS.has(generalPath(path))
}

export function unsupportedValues(path: readonly (string | number)[]): readonly string[] {
  return UNSUPPORTED_VALUES.get(generalPath(path)) ?? []
}

/** Keys that are not supported yet and would stand in the map at `path`. */
export function unsupportedKeysIn(path: readonly (string | number)[]): string[] {
  const prefix = path.length === 0 ? '' : `${generalPath(path)}.`
  return [...UNSUPPORTED_KEYS]
    .filter(key => key.startsWith(prefix) && !key.slice(prefix.length).includes('.'))
    .map(key => key.slice(prefix.length))
}

/** `listeners.web.tls` and `routes[3].plugins` as the tables write them. */
export function generalPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => {
      const named = index === 1 && NAMED_SECTIONS.has(String(path[0]))
      return typeof step === 'number' || named ? '*' : step
    })
    .join('.')
}
