/**
 * What the language has a name for but this version cannot do. A configuration that uses it is refused, never run
 * without it. The table only shrinks: a row goes when its feature comes. `*` stands for any name or place.
 */
const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set([
  'admin',
  'runtime.offload_threads',
  'runtime.state_file',
  'listeners.*.tls',
  'listeners.*.redirect_to_https',
  'listeners.*.upstream',
  'listeners.*.proxy_protocol',
  'listeners.*.sni',
  'listeners.*.udp',
  'upstreams.*.tls',
  'routes.*.match.method',
  'routes.*.match.headers',
  'routes.*.match.query',
  'routes.*.match.client_ip',
  'routes.*.rewrite.path',
  'routes.*.plugins',
  'routes.*.split',
  'routes.*.mirror',
  'routes.*.redirect',
  'routes.*.files',
])

/** Values of supported keys, likewise. */
const UNSUPPORTED_VALUES: ReadonlyMap<string, readonly string[]> = new Map([
  ['listeners.*.protocol', ['tcp', 'udp']],
  ['upstreams.*.protocol', ['h2', 'h2c', 'auto']],
])

/** Actions of a route that are not supported yet: a route that has one does not lack an action. */
export const UNSUPPORTED_ACTIONS: readonly string[] = ['split', 'redirect', 'files']

/** The sections below which keys are names that the user chose. */
const NAMED_SECTIONS: ReadonlySet<string> = new Set(['listeners', 'upstreams'])

export function isUnsupportedKey(path: readonly (string | number)[]): boolean {
  return UNSUPPORTED_KEYS.has(general(path))
}

export function unsupportedValues(path: readonly (string | number)[]): readonly string[] {
  return UNSUPPORTED_VALUES.get(general(path)) ?? []
}

/** Keys that are not supported yet and would stand in the map at `path`. */
export function unsupportedKeysIn(path: readonly (string | number)[]): string[] {
  const prefix = path.length === 0 ? '' : `${general(path)}.`
  return [...UNSUPPORTED_KEYS]
    .filter(key => key.startsWith(prefix) && !key.slice(prefix.length).includes('.'))
    .map(key => key.slice(prefix.length))
}

/** `listeners.web.tls` and `routes[3].plugins` as the tables write them. */
function general(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => {
      const named = index === 1 && NAMED_SECTIONS.has(String(path[0]))
      return typeof step === 'number' || named ? '*' : step
    })
    .join('.')
}
