import { type CheckType, usualCheck } from '../health-check.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import type { UpstreamUses } from '../upstream-uses.ts'
import { isMap, keysIn, mapOf, millisecondsOf, type Report, type Section, valueOrDefault } from './written.ts'

/** `upstream` is the section that `health` stands in. */
export function checkHealth(
  upstream: Section,
  endpoints: readonly Section[],
  uses: UpstreamUses,
  path: KeyPath,
  report: Report,
): void {
  const health = mapOf(upstream.health)
  const usual = usualCheck(isMap(upstream.tls) || upstream.tls === true, uses)
  if (isMap(health.active)) checkActive(health.active, usual, endpoints, [...path, 'active'], report)
  if (isMap(health.passive)) checkPassive(health.passive, [...path, 'passive'], report)
}

const HTTP_KEYS = ['protocol', 'path', 'method', 'host', 'headers', 'expect', 'body']
const TCP_KEYS = ['send', 'receive']
const GRPC_KEYS = ['service']

type ForeignKeys = readonly (readonly [keys: readonly string[], types: string])[]

const OF_OTHERS_THAN_BYTES: ForeignKeys = [
  [HTTP_KEYS, 'http and https'],
  [['tls'], 'https and grpc'],
  [GRPC_KEYS, 'grpc'],
]

/** Keys that a type of check has no use for, and whose they are. */
const FOREIGN_KEYS: ReadonlyMap<unknown, ForeignKeys> = new Map<unknown, ForeignKeys>([
  [
    'http',
    [
      [['tls'], 'https and grpc'],
      [TCP_KEYS, 'tcp and udp'],
      [GRPC_KEYS, 'grpc'],
    ],
  ],
  [
    'https',
    [
      [TCP_KEYS, 'tcp and udp'],
      [GRPC_KEYS, 'grpc'],
    ],
  ],
  [
    'grpc',
    [
      [HTTP_KEYS.filter(key => key !== 'host'), 'http and https'],
      [TCP_KEYS, 'tcp and udp'],
    ],
  ],
  ['tcp', OF_OTHERS_THAN_BYTES],
  ['udp', OF_OTHERS_THAN_BYTES],
])

/** What somebody meant who wrote a key of the other kind of check. */
const COUNTERPARTS: Readonly<Record<string, string>> = {
  expect: 'did you mean "receive"?',
  receive: 'did you mean "expect" or "body"?',
}

function checkActive(
  active: Section,
  usual: CheckType,
  endpoints: readonly Section[],
  path: KeyPath,
  report: Report,
): void {
  const { type = usual, timeout, method, body, port } = active
  for (const [keys, types] of FOREIGN_KEYS.get(type) ?? []) {
    for (const key of keysIn(active, keys)) {
      const hint = (type === 'grpc' ? undefined : COUNTERPARTS[key]) ?? `it is for ${types}`
      report('no-effect', [...path, key], `has no effect on a check of type ${String(type)}`, hint)
    }
  }
  if (type === 'udp' && active.send === undefined) {
    const hint = 'a question that every endpoint answers'
    report('missing-key', [...path, 'send'], 'is missing; a check of type udp sends a datagram', hint)
  }
  checkCheckProtocol(type, active.protocol, [...path, 'protocol'], report)
  const interval = valueOrDefault(active, [...path, 'interval'])
  const [timeoutMs, intervalMs] = [millisecondsOf(timeout), millisecondsOf(interval)]
  if (timeoutMs !== null && intervalMs !== null && timeoutMs > intervalMs) {
    report('wrong-order', [...path, 'timeout'], `${String(timeout)} is longer than "interval" (${String(interval)})`)
  }
  if (method === 'HEAD' && body !== undefined) {
    report('no-effect', [...path, 'body'], 'a response to HEAD has no content that could match', 'use GET')
  }
  const unix = endpoints.find(({ address }) => typeof address === 'string' && address.startsWith('unix:'))
  if (port !== undefined && unix !== undefined) {
    report(
      'no-effect',
      [...path, 'port'],
      `the endpoint ${quote(String(unix.address))} has no port that could be another`,
    )
  }
}

function checkCheckProtocol(type: unknown, protocol: unknown, path: KeyPath, report: Report): void {
  if (type === 'http' && (protocol === 'h2' || protocol === 'auto')) {
    report(
      'conflicting-keys',
      path,
      `${protocol} is spoken over TLS, and a check of type http has none`,
      'write "type: https"',
    )
  }
  if (type === 'https' && protocol === 'h2c') {
    report('conflicting-keys', path, 'h2c is spoken without TLS, and a check of type https has it', 'write h2')
  }
}

/** Counters of which at least one must count. */
const JUDGEMENTS = ['consecutive', 'failures', 'consecutive_5xx', 'consecutive_gateway_errors']

function checkPassive(passive: Section, path: KeyPath, report: Report): void {
  const judges = JUDGEMENTS.some(key => valueOrDefault(passive, [...path, key]) !== 0)
  if (!judges && passive.success_rate === undefined)
    report('no-effect', path, 'ejects for nothing', 'write "passive: off"')
  const eject = valueOrDefault(passive, [...path, 'eject'])
  const [firstMs, longestMs] = [millisecondsOf(eject), millisecondsOf(passive.max_eject)]
  if (firstMs !== null && longestMs !== null && longestMs < firstMs) {
    report(
      'wrong-order',
      [...path, 'max_eject'],
      `${String(passive.max_eject)} is shorter than "eject" (${String(eject)})`,
    )
  }
}
