import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { REQUEST } from '../../../engine/http1/llhttp.ts'
import { type Captures, NOBODY, type RequestSource, RoutedRequest } from '../../../engine/routing/request.ts'
import type { PathPolicy } from '../../../engine/snapshot.ts'
import { feed } from '../http1/feed.ts'

export interface RoutedOptions {
  readonly source?: RequestSource
  readonly policy?: Partial<PathPolicy>
  readonly captures?: Captures
  readonly requestId?: string
  readonly startedAtMs?: number
}

const POLICY: PathPolicy = {
  dotSegments: 'normalise',
  emptySegments: 'normalise',
  encodedSlashes: 'keep',
  parameters: 'keep',
}

/** What `read` makes of a request with this head, as it is behind the router. */
export function ofHead<T>(head: string, read: (request: RoutedRequest) => T, options: RoutedOptions = {}): T {
  const results: T[] = []
  feed(REQUEST, [Buffer.from(head, 'latin1')], {
    onHead: (parsedHead, parser) => {
      const refusal = readRequest(parsedHead, parser)
      if (refusal !== '') throw new Error(`the head is refused: ${refusal}`)
      const { source = NOBODY, requestId = 'id-1', startedAtMs = 0 } = options
      const routed = new RoutedRequest(parsedHead, request, source)
      routed.begin(source, requestId, startedAtMs)
      if (!routed.readPath({ ...POLICY, ...options.policy })) throw new Error('the path is refused')
      routed.captures = options.captures ?? null
      results.push(read(routed))
    },
  })
  const [result] = results
  if (results.length !== 1) throw new Error(`the head is not whole: ${head}`)
  return result as T
}
