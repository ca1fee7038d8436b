import type { Condition, RouteMatch, TextTest } from '../../engine/snapshot.ts'
import { grpcPath } from './grpc.ts'
import { type NamePlaces, placeOf } from './name-places.ts'
import type { ConditionsModel } from './schema/conditions.ts'
import type { ConfigurationModel } from './schema.ts'

type MatchModel = ConfigurationModel['routes'][number]['match']

export function compileMatch(match: MatchModel, listenerPlaces: NamePlaces): RouteMatch {
  const { listeners, host, path, grpc, ...others } = match
  const conditions = compileConditions(others)
  return {
    listeners: listeners === undefined ? null : [...new Set(listeners)].map(name => placeOf(name, listenerPlaces)),
    hosts: host === undefined ? null : uniqueHosts(host),
    path: grpc === undefined ? path : grpcPath(grpc),
    conditions: grpc === undefined ? conditions : [GRPC, ...conditions],
  }
}

const GRPC: Condition = { kind: 'grpc' }

function uniqueHosts(hosts: NonNullable<ConditionsModel['host']>) {
  return [...new Map(hosts.map(host => [JSON.stringify(host), host])).values()]
}

/** In the order of what is quickly found out. */
export function compileConditions(model: ConditionsModel): Condition[] {
  const { host, path, grpc, scheme, method, headers, query, cookies, all, any, not } = model
  const { client_ip: blocks, content_type: types, client_cert: certificate } = model
  const conditions: Condition[] = []
  if (host !== undefined) conditions.push({ kind: 'host', hosts: uniqueHosts(host) })
  if (path !== undefined) conditions.push({ kind: 'path', path })
  if (grpc !== undefined) conditions.push({ kind: 'path', path: grpcPath(grpc) }, GRPC)
  if (scheme !== undefined) conditions.push({ kind: 'scheme', scheme })
  if (method !== undefined) conditions.push({ kind: 'method', methods: [...new Set(method)] })
  if (blocks !== undefined) conditions.push({ kind: 'client_ip', blocks: [...new Set(blocks)] })
  if (types !== undefined) conditions.push({ kind: 'content_type', types: [...new Set(types)] })
  conditions.push(
    ...compileCertificate(certificate),
    ...compileTests('header', headers),
    ...compileTests('query', query),
    ...compileTests('cookie', cookies),
  )
  if (all !== undefined) conditions.push({ kind: 'all', conditions: all.map(compileOne) })
  if (any !== undefined) conditions.push({ kind: 'any', conditions: any.map(compileOne) })
  if (not !== undefined) conditions.push({ kind: 'not', condition: compileOne(not) })
  return conditions
}

/** Any certificate has a fingerprint. */
function compileCertificate(certificate: ConditionsModel['client_cert']): Condition[] {
  if (certificate === undefined) return []
  const { present, fingerprint, ...tests } = certificate
  const conditions: Condition[] = []
  if (present !== undefined) {
    conditions.push({ kind: 'client_cert', part: 'fingerprint', test: { kind: present ? 'present' : 'absent' } })
  }
  if (fingerprint !== undefined) {
    const one = [...new Set(fingerprint)].map(
      (text): Condition => ({
        kind: 'client_cert',
        part: 'fingerprint',
        test: { kind: 'exact', text },
      }),
    )
    conditions.push(...(one.length === 1 ? one : [{ kind: 'any', conditions: one } as const]))
  }
  for (const part of ['subject', 'issuer', 'serial', 'san'] as const) {
    const test = tests[part]
    if (test !== undefined) conditions.push({ kind: 'client_cert', part, test: onTheWire(compileTest(test)) })
  }
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
