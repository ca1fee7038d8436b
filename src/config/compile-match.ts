import type { Condition, RouteMatch, TextTest } from '../../engine/snapshot.ts'
import { type NamePlaces, placeOf } from './name-places.ts'
import type { ConditionsModel } from './schema/conditions.ts'
import type { ConfigurationModel } from './schema.ts'

type MatchModel = ConfigurationModel['routes'][number]['match']

export function compileMatch(match: MatchModel, listenerPlaces: NamePlaces): RouteMatch {
  const { listeners, host, path, ...others } = match
  return {
    listeners: listeners === undefined ? null : [...new Set(listeners)].map(name => placeOf(name, listenerPlaces)),
    hosts: host === undefined ? null : uniqueHosts(host),
    path,
    conditions: compileConditions(others),
  }
}

function uniqueHosts(hosts: NonNullable<ConditionsModel['host']>) {
  return [...new Map(hosts.map(host => [JSON.stringify(host), host])).values()]
}

/** In the order of what is quickly found out. */
export function compileConditions(model: ConditionsModel): Condition[] {
  const { host, path, method, headers, query, cookies, client_ip: blocks, content_type: types, all, any, not } = model
  const conditions: Condition[] = []
  if (host !== undefined) conditions.push({ kind: 'host', hosts: uniqueHosts(host) })
  if (path !== undefined) conditions.push({ kind: 'path', path })
  if (method !== undefined) conditions.push({ kind: 'method', methods: [...new Set(method)] })
  if (blocks !== undefined) conditions.push({ kind: 'client_ip', blocks: [...new Set(blocks)] })
  if (types !== undefined) conditions.push({ kind: 'content_type', types: [...new Set(types)] })
  conditions.push(
    ...compileTests('header', headers),
    ...compileTests('query', query),
    ...compileTests('cookie', cookies),
  )
  if (all !== undefined) conditions.push({ kind: 'all', conditions: all.map(compileOne) })
  if (any !== undefined) conditions.push({ kind: 'any', conditions: any.map(compileOne) })
  if (not !== undefined) conditions.push({ kind: 'not', condition: compileOne(not) })
  return conditions
}

/** A map of conditions as one. */
function compileOne(model: ConditionsModel): Condition {
  const conditions = compileConditions(model)
  const [only] = conditions
  return conditions.length === 1 && only !== undefined ? only : { kind: 'all', conditions }
}

type Tests = ConditionsModel['headers']

function compileTests(kind: 'header' | 'query' | 'cookie', tests: Tests): Condition[] {
  return Object.entries(tests ?? {}).map(([name, test]) => ({
    kind,
    name: kind === 'header' ? name.toLowerCase() : name,
    test: kind === 'header' ? onTheWire(compileTest(test)) : compileTest(test),
  }))
}

/** Fields are compared byte by byte, and what is written here is UTF-8. */
function onTheWire(test: TextTest): TextTest {
  if (!('text' in test)) return test
  return { ...test, text: Buffer.from(test.text, 'utf8').toString('latin1') }
}

function compileTest(test: NonNullable<Tests>[string]): TextTest {
  if (typeof test === 'string') return { kind: 'exact', text: test }
  if (test.present !== undefined) return { kind: test.present ? 'present' : 'absent' }
  if (test.regex !== undefined) return { kind: 'regex', regex: test.regex }
  for (const kind of ['exact', 'prefix', 'suffix', 'contains'] as const) {
    const text = test[kind]
    if (text !== undefined) return { kind, text }
  }
  throw new Error('a test without a kind passed the checks')
}
