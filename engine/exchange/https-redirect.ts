/** Listeners that only lead to https: every request is answered with its own place there. */
import { compileHost } from '../rewriting/rewrite.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { ListenerSnapshot } from '../snapshot.ts'
import { NORMAL } from '../upstream/concurrency-limit.ts'
import { NO_MESSAGE_EDITS, type StaticAnswer, staticAnswer } from './answer.ts'
import { encoded, type Redirecting } from './redirect.ts'
import type { Route } from './route.ts'

const NAME = 'redirect_to_https'
const HTTPS_PORT = 443
const NO_CONTENT = new Uint8Array(0)

/** What takes the place of all routes of a listener; `null` for one that serves. */
export function httpsRedirect({
  redirectToHttpsPort: port,
  redirectToHttpsStatus: status,
}: ListenerSnapshot): Route | null {
  if (port === 0) return null
  return {
    name: NAME,
    target: null,
    split: null,
    answer: null,
    redirect: new HttpsRedirect(port, status),
    files: null,
    mirror: null,
    host: compileHost({ kind: 'keep' }, NAME),
    rewrite: null,
    request: NO_MESSAGE_EDITS,
    response: NO_MESSAGE_EDITS,
    timeouts: { responseMs: 0, idleMs: 0, totalMs: 0 },
    importance: NORMAL,
    errorPages: null,
    fallback: null,
    grpcWeb: false,
    keepsRequest: false,
  }
}

class HttpsRedirect implements Redirecting {
  readonly #status: number
  /** Of `Location`, behind the host. */
  readonly #port: string

  constructor(port: number, status: number) {
    this.#status = status
    this.#port = port === HTTPS_PORT ? '' : `:${port}`
  }

  /** The request names a host. Its target goes on as it came: what it means is for https to say. */
  answer({ host, target }: RoutedRequest): StaticAnswer {
    const place = target.startsWith('/') ? target : `/${target.startsWith('?') ? target : ''}`
    const location = `https://${host}${this.#port}${encoded(place)}`
    return staticAnswer(
      { status: this.#status, fields: [['Location', location]], content: NO_CONTENT },
      NO_MESSAGE_EDITS,
    )
  }
}
