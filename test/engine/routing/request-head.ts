import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { NOBODY, type RequestSource, RoutedRequest } from '../../../engine/routing/request.ts'
import { feed } from '../http1/feed.ts'

/** What `read` makes of a GET with these fields, from `source`. */
export function ofRequest<T>(
  target: string,
  fields: readonly string[],
  read: (request: RoutedRequest) => T,
  source: RequestSource = NOBODY,
): T {
  return ofHead([`GET ${target} HTTP/1.1`, 'Host: a', ...fields], read, source)
}

/** What `read` makes of a request with these lines, in Latin-1, from `source`. */
export function ofHead<T>(
  lines: readonly string[],
  read: (request: RoutedRequest) => T,
  source: RequestSource = NOBODY,
): T {
  const results: T[] = []
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
  feed(REQUEST, [bytes], {
    limits: { headBytesMax: 48 * 1024, fieldLinesMax: 1000 },
    onHead: (head, parser) => {
      const refusal = readRequest(head, parser)
      if (refusal !== '') throw new Error(`the head is refused: ${refusal}`)
      const routed = new RoutedRequest(head, request, source)
      routed.begin(source, 'id-1', 0)
      results.push(read(routed))
    },
  })
  const [result] = results
  if (results.length !== 1) throw new Error('the head is not whole')
  return result as T
}
