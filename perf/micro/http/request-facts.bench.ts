/** What a proxy has to know of a request head, read from its spans. */
import { readRequest, request } from '../../../engine/http/request-facts.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BARE_REQUESTS, BROWSER_REQUESTS, PROXIED_REQUESTS, parseAll } from '../messages.ts'

function read(name: string, texts: readonly string[]): void {
  const next = cycle(parseAll(texts))
  bench(name, () => {
    const { head, parser } = next()
    const refusal = readRequest(head, parser)
    if (refusal !== '') throw new Error(refusal)
    return request.hostEnd
  })
}

/** Nominates a name, and asks for an upgrade that is not HTTP/2. */
const UPGRADES = [
  'Connection: keep-alive, Upgrade, X-Custom\r\nUpgrade: websocket\r\nX-Custom: 1\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n',
].map(fields => `GET /socket HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`)

const ABSOLUTE = ['/v1/users/42', '/', ''].map(
  path => `GET http://api.example.com${path} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`,
)

read('bare request', BARE_REQUESTS)
read('browser request, 15 field lines', BROWSER_REQUESTS)
read('proxied request with content', PROXIED_REQUESTS)
read('upgrade', UPGRADES)
read('absolute form', ABSOLUTE)

await runIfMain(import.meta)
