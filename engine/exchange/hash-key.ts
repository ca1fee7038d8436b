/** What a request is spread by, where a balancer keeps equal keys together. */
import { isIP } from 'node:net'
import { X_FORWARDED_FOR } from '../http1/field-names.ts'
import type { Head } from '../http1/head.ts'
import type { RequestFacts } from '../http1/request-facts.ts'
import type { HashKeySource } from '../snapshot.ts'
import { cookieValue } from './cookie.ts'
import type { Downstream } from './downstream.ts'

/** `null` as source is the client's address, too: of `ip_hash`. Empty where the request has no such thing. */
export function hashKey(source: HashKeySource | null, head: Head, facts: RequestFacts, downstream: Downstream): string {
  if (source === null) return clientAddress(head, downstream)
  switch (source.kind) {
    case 'client_ip':
      return clientAddress(head, downstream)
    case 'path':
      return pathOf(head.text(facts.pathStart, facts.pathEnd))
    case 'header':
      return fieldValue(head, source.name)
    case 'cookie':
      return cookieValue(head, source.name)
    case 'query':
      return queryValue(head.text(facts.pathStart, facts.pathEnd), source.name)
  }
}

/** The nearest address that is not one of our proxies': behind those, the field says who it was. */
export function clientAddress(head: Head, downstream: Downstream): string {
  const { forwarding } = downstream
  if (!forwarding.trusted) return forwarding.client
  let nearest = forwarding.client
  for (let index = head.fieldCount - 1; index >= 0; index -= 1) {
    if (head.ids[index] !== X_FORWARDED_FOR) continue
    for (const entry of head.value(index).split(',').reverse()) {
      const address = withoutPort(entry.trim())
      if (address === '') continue
      // Whoever wrote what is no address is not to be believed about what stands before it.
      if (isIP(address) === 0) return nearest
      nearest = address
      if (!downstream.isTrusted(address)) return nearest
    }
  }
  return nearest
}

/** `1.2.3.4:5` and `[::1]:5`, which some proxies write. */
function withoutPort(entry: string): string {
  return entry.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
}

function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** All values of the field, joined as RFC 9110, section 5.3, has it. */
function fieldValue(head: Head, name: string): string {
  const values: string[] = []
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (head.nameEnd(index) - head.nameStart(index) !== name.length) continue
    if (head.name(index).toLowerCase() === name) values.push(head.value(index))
  }
  return values.join(', ')
}

/** The first value of that name, as it is written: percent-encoding is not undone. */
function queryValue(target: string, name: string): string {
  const query = target.indexOf('?')
  if (query < 0) return ''
  for (const pair of target.slice(query + 1).split('&')) {
    const equals = pair.indexOf('=')
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? '' : pair.slice(equals + 1)
  }
  return ''
}
