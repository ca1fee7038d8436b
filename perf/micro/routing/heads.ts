import { Head } from '../../../engine/http/head.ts'
import { RequestFacts } from '../../../engine/http/request-facts.ts'
import { NOBODY, RoutedRequest } from '../../../engine/routing/request.ts'
import type { PathPolicy } from '../../../engine/snapshot.ts'

export const POLICY: PathPolicy = {
  dotSegments: 'normalise',
  emptySegments: 'normalise',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

/** A GET as the parser hands it over, with these field lines beside `Host`. */
export function requestOf(
  host: string,
  target: string,
  fields: readonly (readonly [string, string])[] = [],
): RoutedRequest {
  const lines = [['Host', host] as const, ...fields]
  const text = `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  const head = new Head(Buffer.from(text, 'latin1'))
  head.targetStart = 4
  head.targetEnd = 4 + target.length
  head.length = text.length
  let at = head.targetEnd + ' HTTP/1.1\r\n'.length
  for (const [name, value] of lines) {
    const valueStart = at + name.length + 2
    head.addName(at, at + name.length)
    head.setValue(valueStart, valueStart + value.length)
    at = valueStart + value.length + 2
  }
  const facts = new RequestFacts()
  facts.method = 1
  facts.pathStart = head.targetStart
  facts.pathEnd = head.targetEnd
  facts.hostStart = head.valueStart(0)
  facts.hostEnd = head.valueEnd(0)
  return new RoutedRequest(head, facts, NOBODY)
}
