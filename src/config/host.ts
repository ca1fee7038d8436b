import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import type { HostPattern, HostRewrite } from '../../engine/snapshot.ts'
import { canonicalIp } from './ip.ts'
import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'
import { parseMarkedRegex } from './regex.ts'
import { literalsOf, parseTemplate } from './template.ts'

/** Host names: in addresses, in `match.host`, and in `rewrite.host`. */

const refused = refusalsAs('wrong-host')

/** `null` for a name that DNS (RFC 1123) and `Host` can carry; underscores pass, as they are in use. */
export function checkHostName(name: string): Parsed<never> | null {
  if (/[^\u0000-\u007f]/.test(name)) {
    const ascii = domainToASCII(name)
    return refused(`${quote(name)} is not ASCII`, ascii === '' ? '' : `write ${quote(ascii)}`)
  }
  if (name.endsWith('.')) return refused(`${quote(name)} ends with a dot`, `write ${quote(name.replace(/\.+$/, ''))}`)
  if (name.length > 253) return refused('a host name has at most 253 characters')
  if (/^[0-9.]+$/.test(name) && !isIPv4(name)) return refused(`${quote(name)} is not an IPv4 address`)
  if (!name.split('.').every(label => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label))) {
    return refused(`${quote(name)} is not a host name`)
  }
  return null
}

/** A pattern of `match.host`: an exact name, or `*.` and a name, lower-cased; or `~` and a regular expression. */
export function parseHostPattern(text: string): Parsed<HostPattern> {
  if (text.startsWith('~')) {
    const regex = parseMarkedRegex(text)
    return regex.ok ? accepted({ regex: regex.value }) : regex
  }
  if (text === '*' || text === '_' || text === 'default') {
    return refused(`${quote(text)} is not a host pattern`, 'leave "host" out to match every host')
  }
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/:?#]*)/i.exec(text)
  if (url !== null) return refused(`${quote(text)} is a URL`, `write its host alone: ${quote(url[1] ?? '')}`)
  if (isIPv6(text)) return refused(`${quote(text)} is an IPv6 address`, `write "[${canonicalIp(text)}]"`)
  const literal = /^\[([^\]]*)\]$/.exec(text)
  if (literal !== null) {
    const address = literal[1] ?? ''
    return isIPv6(address) ? accepted(`[${canonicalIp(address)}]`) : refused(`${quote(address)} is not an IPv6 address`)
  }
  const port = /^(.*):[0-9]*$/.exec(text)
  if (port !== null) return refused(`${quote(text)} has a port`, `a host matches on any port; write ${quote(port[1]!)}`)

  const name = text.startsWith('*.') ? text.slice(2) : text
  if (name.includes('*')) {
    const hint = 'anything else is a regular expression, such as "~^api-[0-9]+[.]example[.]com$"'
    return refused(`${quote(text)} has "*" where only a leading "*." may stand`, hint)
  }
  if (text.startsWith('.')) return refused(`${quote(text)} begins with a dot`, `did you mean ${quote(`*${text}`)}?`)
  return checkHostName(name) ?? accepted(text.toLowerCase())
}

/** What a handshake may ask for: a name, `*.` and a name for all below it, or `*`; lower-cased. It never asks for an address. */
export function parseServerNamePattern(text: string): Parsed<string> {
  if (text === '*') return accepted(text)
  if (text.startsWith('~')) {
    const hint = 'write the names, "*." and a name for all below it, or "*" for any'
    return refused(`${quote(text)} is a regular expression, which names of handshakes are not compared with`, hint)
  }
  if (text.replace(/^\*\./, '').includes('*')) {
    return refused(`${quote(text)} has "*" where only a leading "*." may stand`, 'or "*" alone, for any name')
  }
  const pattern = parseHostPattern(text)
  if (!pattern.ok) return pattern
  if (typeof pattern.value !== 'string' || isIPv4(text) || text.startsWith('[')) {
    return refused(`${quote(text)} is an address, and handshakes ask for names`, 'such connections are taken by "*"')
  }
  return accepted(pattern.value)
}

/** `keep`, `upstream`, or what `Host` says from now on: a name or address, with a port where one is wanted. */
export function parseHostRewrite(text: string): Parsed<HostRewrite> {
  if (text === 'keep') return accepted({ kind: 'keep' })
  if (text === 'upstream') return accepted({ kind: 'upstream' })
  if (text.includes('${')) return parseHostTemplate(text)
  const host = parseHostField(text, 'neither keep, upstream, nor a host name')
  return host.ok ? accepted({ kind: 'set', host: host.value }) : host
}

function parseHostTemplate(text: string): Parsed<HostRewrite> {
  const template = parseTemplate(text, { response: false, captures: false })
  if (!template.ok) return template
  const wrong = /[^A-Za-z0-9._:[\]-]/.exec(literalsOf(template.value).join(''))
  if (wrong !== null) return refused(`${quote(text)} has ${quote(wrong[0])}, which no host name can have`)
  return accepted({ kind: 'set', host: template.value })
}

/** What `Host` may say: a name or an address, with a port where one is wanted. `otherwise` is what it is not. */
export function parseHostField(text: string, otherwise = 'not a host name'): Parsed<string> {
  const split = /^(\[[^\]]*\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text)
  const host = split?.[1] ?? ''
  if (split === null || Number(split[2] ?? 0) > 65535) {
    return refused(`${quote(text)} is ${otherwise}`)
  }
  if (host.startsWith('[')) {
    if (!isIPv6(host.slice(1, -1))) return refused(`${quote(host)} is not an IPv6 address`)
  } else {
    const problem = checkHostName(host)
    if (problem !== null) return problem
  }
  return accepted(text)
}
