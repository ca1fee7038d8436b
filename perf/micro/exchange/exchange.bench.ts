/**
 * A whole exchange: the client's read, the request written to the origin, the origin's read, the response written to the
 * client. What is left out is the kernel's part. This is our own share of the time per request.
 */
import { bench, cycle, runIfMain } from '../harness.ts'
import { BARE_REQUESTS, BROWSER_REQUESTS, CHUNKED_RESPONSES, PROXIED_REQUESTS, RESPONSES } from '../messages.ts'
import { bytesWritten, deliver } from '../net/muted-handle.ts'
import { type StageOptions, setStage } from './stage.ts'

/** Of records that were read: their strings are made only then. */
let letters = 0

const toBytes = (texts: readonly string[]): Buffer[] => texts.map(text => Buffer.from(text, 'latin1'))

async function exchange(
  name: string,
  requests: readonly string[],
  responses: readonly string[],
  options: StageOptions = {},
): Promise<void> {
  const { client, origin } = await setStage(options)
  const nextRequest = cycle(toBytes(requests))
  const nextResponse = cycle(toBytes(responses))
  bench(name, () => {
    const before = bytesWritten
    deliver(client, nextRequest())
    deliver(origin, nextResponse())
    if (bytesWritten === before || client.closed || origin.closed) throw new Error('the exchange has failed')
    return bytesWritten + letters
  })
}

await exchange('bare request, response of 100 bytes', BARE_REQUESTS, RESPONSES)
await exchange('browser request, response with 11 lines, chunked', BROWSER_REQUESTS, CHUNKED_RESPONSES)
await exchange('POST of 100 bytes from a trusted proxy', PROXIED_REQUESTS, RESPONSES, {
  trustedProxies: ['203.0.113.0/24'],
})
await exchange('bare request, with a record for the access log', BARE_REQUESTS, RESPONSES, {
  onExchange: record => {
    letters += record.target.length + record.host.length
  },
})

/** As origins send it: the head and 16 KiB in one read. */
const LARGE = [16_384, 16_000].map(
  size =>
    `HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
)
await exchange('bare request, response of 16 KiB', BARE_REQUESTS, LARGE)

await runIfMain(import.meta)
