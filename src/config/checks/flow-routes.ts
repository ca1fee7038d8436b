import { parseServerNamePattern } from '../host.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import type { KnownNames } from './names.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './written.ts'

/** Where listeners of TCP and UDP lead to. */

export function checkFlowRoutes(listener: Section, upstreamNames: KnownNames, path: KeyPath, report: Report): void {
  const { protocol, upstream, sni, first_bytes: firstBytes } = listener
  if (protocol !== 'tcp' && protocol !== 'udp') return
  upstreamNames.check(upstream, [...path, 'upstream'], report)
  if (protocol === 'udp') {
    if (upstream === undefined) {
      report('missing-key', [...path, 'upstream'], 'is missing; datagrams have nowhere to go')
    }
    checkAmplification(mapOf(listener.udp), [...path, 'udp', 'amplification'], report)
    return
  }
  if (upstream === undefined && sni === undefined && firstBytes === undefined) {
    const hint = 'name one, or lead by "sni" or "first_bytes"'
    report('missing-key', [...path, 'upstream'], 'is missing; connections have nowhere to go', hint)
  }
  for (const [index, rule] of listOf(sni).entries()) {
    upstreamNames.check(mapOf(rule).upstream, [...path, 'sni', index, 'upstream'], report)
  }
  for (const [kind, name] of Object.entries(mapOf(firstBytes))) {
    upstreamNames.check(name, [...path, 'first_bytes', kind], report)
  }
  if (isMap(firstBytes) && Object.keys(firstBytes).length === 0) {
    report('missing-key', [...path, 'first_bytes'], 'needs one of http, proxy, tls')
  }
  checkServerNames(listener, [...path, 'sni'], report)
  checkWait(listener, [...path, 'timeouts', 'first_bytes'], report)
}

/** Off is what it is anyway. */
function checkAmplification({ responses, amplification }: Section, path: KeyPath, report: Report): void {
  if (responses !== 0 || typeof amplification !== 'number') return
  report('no-effect', path, 'nothing goes back: "responses" is 0', 'take one of the two out')
}

/** Handshakes that are ended here are read anyway, and within their own time. */
function checkWait({ tls, sni, first_bytes: firstBytes, timeouts }: Section, path: KeyPath, report: Report): void {
  if (mapOf(timeouts).first_bytes === undefined || firstBytes !== undefined) return
  if (sni !== undefined && tls === undefined) return
  const hint = sni === undefined ? 'it is for "sni" and "first_bytes"' : 'did you mean "tls.handshake_timeout"?'
  report('no-effect', path, 'no first bytes are waited for', hint)
}

interface Rule {
  readonly path: KeyPath
  /** With the place of each. */
  readonly names: readonly (readonly [name: string, place: KeyPath])[]
  /** Empty for any. */
  readonly alpn: readonly unknown[]
}

function checkServerNames({ tls, sni, first_bytes: firstBytes }: Section, path: KeyPath, report: Report): void {
  const rules = listOf(sni).map((rule, index) => ruleOf(mapOf(rule), [...path, index]))
  for (const [index, rule] of rules.entries()) {
    checkDuplicates(rule, report)
    checkReachable(rule, rules.slice(0, index), report)
    if (isMap(tls)) checkOffered(rule, listOf(tls.alpn), report)
  }
  const all = rules.find(rule => rule.alpn.length === 0 && rule.names.some(([name]) => name === '*'))
  if (all === undefined || tls !== undefined || mapOf(firstBytes).tls === undefined) return
  const message = 'no handshake gets as far: a rule of "sni" takes all of them'
  report('rule-shadowed', [...path.slice(0, -1), 'first_bytes', 'tls'], message, 'take one of the two out', all.path)
}

/** Names that are none are reported elsewhere. */
function ruleOf({ names, alpn }: Section, path: KeyPath): Rule {
  const written = Array.isArray(names)
    ? names.map((name, index): [unknown, KeyPath] => [name, [...path, 'names', index]])
    : [[names, [...path, 'names']] satisfies [unknown, KeyPath]]
  return {
    path,
    names: written.flatMap(([name, place]) => {
      const parsed = typeof name === 'string' ? parseServerNamePattern(name) : null
      return parsed?.ok ? [[parsed.value, place] as const] : []
    }),
    alpn: Array.isArray(alpn) ? alpn : alpn === undefined ? [] : [alpn],
  }
}

function checkDuplicates({ names, alpn, path }: Rule, report: Report): void {
  for (const [index, [name, place]] of names.entries()) {
    if (names.findIndex(([other]) => other === name) !== index) {
      report('duplicate-item', place, `${quote(name)} is listed twice`)
    }
  }
  for (const [index, protocol] of alpn.entries()) {
    if (alpn.indexOf(protocol) !== index) {
      report('duplicate-item', [...path, 'alpn', index], `${quote(String(protocol))} is listed twice`)
    }
  }
}

/** The first rule that fits has a connection. */
function checkReachable({ names, alpn, path }: Rule, before: readonly Rule[], report: Report): void {
  const stronger = before.filter(rule => rule.alpn.length === 0 || takesAll(rule.alpn, alpn))
  const found = names.map(([name]) => stronger.find(rule => rule.names.some(([pattern]) => covers(pattern, name))))
  const [first] = found
  if (first !== undefined && found.every(rule => rule !== undefined)) {
    const hint = 'put the narrower one first, or take it out'
    report('rule-shadowed', path, 'is never used: a rule before it takes all of its connections', hint, first.path)
    return
  }
  for (const [index, rule] of found.entries()) {
    const [name = '', place = path] = names[index] ?? []
    if (rule !== undefined) report('rule-shadowed', place, `${quote(name)} is taken by a rule before`, '', rule.path)
  }
}

function takesAll(alpn: readonly unknown[], needed: readonly unknown[]): boolean {
  return needed.length > 0 && needed.every(protocol => alpn.includes(protocol))
}

/** Whether all that a name or a pattern stands for fits the pattern. */
function covers(pattern: string, name: string): boolean {
  if (pattern === '*' || pattern === name) return true
  return pattern.startsWith('*.') && name !== '*' && name.length > pattern.length - 1 && name.endsWith(pattern.slice(1))
}

/** Where the handshake ends here, only what we offer can be agreed on. */
function checkOffered({ alpn, path }: Rule, offered: readonly unknown[], report: Report): void {
  if (alpn.length === 0 || alpn.some(protocol => offered.includes(protocol))) return
  const message = `"alpn" of "tls" does not offer ${alpn.map(String).join(', ')}`
  report('no-effect', [...path, 'alpn'], message, 'add it there')
}
