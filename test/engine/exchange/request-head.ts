import type { Head } from '../../../engine/http1/head.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { type RequestFacts, readRequest, request } from '../../../engine/http1/request-facts.ts'
import { feed } from '../http1/feed.ts'

/** What `read` makes of the head of a GET with these fields. */
export function ofHead<T>(target: string, fields: readonly string[], read: (head: Head, facts: RequestFacts) => T): T {
  const results: T[] = []
  const bytes = Buffer.from(`${[`GET ${target} HTTP/1.1`, 'Host: a', ...fields].join('\r\n')}\r\n\r\n`, 'latin1')
  feed(REQUEST, [bytes], {
    limits: { headBytesMax: 48 * 1024, fieldLinesMax: 1000 },
    onHead: (head, parser) => {
      const refusal = readRequest(head, parser)
      if (refusal !== '') throw new Error(`the head is refused: ${refusal}`)
      results.push(read(head, request))
    },
  })
  const [result] = results
  if (results.length !== 1) throw new Error('the head is not whole')
  return result as T
}
