import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { literalCapitals, parseMarkedRegex } from '../regex.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './written.ts'

/** Conditions that hold for other requests than it seems, or for none: all of them are allowed, and hardly ever meant. */
export function checkSeemingPatterns(conditions: Section, path: KeyPath, report: Report): void {
  checkPath(conditions.path, [...path, 'path'], report)
  for (const [index, host] of listOf(conditions.host).entries()) checkHost(host, [...path, 'host', index], report)
  checkHost(conditions.host, [...path, 'host'], report)
  for (const key of ['headers', 'query', 'cookies', 'client_cert'] as const) {
    for (const [name, test] of Object.entries(mapOf(conditions[key]))) {
      // A hash is no text.
      if (name !== 'fingerprint' || key !== 'client_cert') checkTest(key, name, test, [...path, key, name], report)
    }
  }
}

function checkPath(written: unknown, path: KeyPath, report: Report): void {
  if (typeof written !== 'string') return
  if (written.startsWith('~')) {
    if (parseMarkedRegex(written).ok) checkPathRegex(written.slice(1), path, report)
    return
  }
  const named = written.replaceAll(/(?<=\/):([A-Za-z_]\w*)(?=\/|$)/g, '{$1}')
  if (named === written) return
  const message = `${quote(written)} is compared as it is written`
  report('looks-like-pattern', path, message, `did you mean ${quote(named)}?`)
}

/** What the canonical form of paths never has. */
function checkPathRegex(regex: string, path: KeyPath, report: Report): void {
  const never = (message: string, hint: string) =>
    report('regex-never-matches', path, `${quote(regex)} ${message}`, hint)
  if (/^\^[A-Za-z0-9_]/.test(regex)) {
    never('matches no path: paths begin with "/"', `did you mean ${quote(`~^/${regex.slice(1)}`)}?`)
    return
  }
  const wrapped = /^\/(\^.*?)\/([a-z]*)$/.exec(regex)
  if (wrapped !== null) {
    const [, inner = '', flags = ''] = wrapped
    const meant = `~${flags.includes('i') ? '(?i)' : ''}${inner}`
    never('has slashes around it, which would have to be matched', `did you mean ${quote(meant)}?`)
    return
  }
  const wrong = /[^\x21-\x7e]/u.exec(regex)?.[0]
  if (wrong === undefined || /[[(]/.test(regex)) return
  const hint = regex.isWellFormed() ? `write ${encodeURIComponent(wrong)}` : ''
  never(`has ${quote(wrong)}, which paths have in percent-encoded form only`, hint)
}

function checkHost(written: unknown, path: KeyPath, report: Report): void {
  if (typeof written !== 'string' || !written.startsWith('~') || !parseMarkedRegex(written).ok) return
  const capitals = literalCapitals(written.slice(1))
  if (capitals === '') return
  const message = `${quote(capitals)} matches no host: hosts are compared in lower case`
  report('regex-never-matches', path, message, `write ${quote(capitals.toLowerCase())}`)
}

type Kind = 'headers' | 'query' | 'cookies' | 'client_cert'

function checkTest(kind: Kind, name: string, test: unknown, path: KeyPath, report: Report): void {
  const exact = isMap(test) ? test.exact : test
  if (typeof exact === 'string') {
    const meant = meantByText(name, exact)
    if (meant !== null) {
      report('looks-like-pattern', path, `${quote(exact)} is compared as it is written`, `did you mean ${meant}?`)
      return
    }
    if (kind === 'headers') checkHeaderKey(name, exact, path, report)
  }
  if (kind === 'headers') checkFieldText(test, path, report)
}

/** `null` for what is not like a pattern. */
function meantByText(name: string, text: string): string | null {
  // An entity tag of all representations (RFC 9110, section 13.1).
  if (text === '*') return /^if-(none-)?match$/i.test(name) ? null : '{ present: true }'
  if (text.startsWith('~')) return `{ regex: ${quote(text.slice(1).trim())} }`
  if (text.indexOf('*') !== text.lastIndexOf('*') || text.includes('/')) return null
  if (text.endsWith('*')) return `{ prefix: ${quote(text.slice(0, -1))} }`
  return text.startsWith('*') ? `{ suffix: ${quote(text.slice(1))} }` : null
}

/** Fields whose lines say more than what is mostly asked for. */
const OWN_KEYS: Readonly<Record<string, readonly [key: string, why: string]>> = {
  host: ['host', 'with its port'],
  'content-type': ['content_type', 'with its parameters'],
  cookie: ['cookies', 'with all cookies'],
}

function checkHeaderKey(name: string, text: string, path: KeyPath, report: Report): void {
  const lower = name.toLowerCase()
  if (!Object.hasOwn(OWN_KEYS, lower)) return
  const [key, why] = OWN_KEYS[lower] ?? ['', '']
  // Who writes them out knows what is compared.
  if (/[;]|:\d+$/.test(text)) return
  report('header-has-key', path, `the whole field is compared, ${why}`, `"${key}" is the key for it`)
}

/** Values come without spaces around them, and without controls. */
function checkFieldText(test: unknown, path: KeyPath, report: Report): void {
  for (const [key, text] of isMap(test) ? Object.entries(test) : [['exact', test] as const]) {
    if (typeof text !== 'string' || key === 'regex') continue
    const place = isMap(test) ? [...path, key] : path
    const first = key !== 'suffix' && key !== 'contains' && /^[ \t]/.test(text)
    const last = key !== 'prefix' && key !== 'contains' && /[ \t]$/.test(text)
    if (first || last) {
      report(
        'wrong-header',
        place,
        `${quote(text)} ${first ? 'begins' : 'ends'} with a space, which no field value does`,
      )
    } else if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(text)) {
      report('wrong-header', place, `${quote(text)} has a control character or a line break, which no field value has`)
    }
  }
}
