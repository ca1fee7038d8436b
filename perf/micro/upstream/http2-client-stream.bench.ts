/**
 * A request on a stream of a connection that is open, and its response: from the words of HTTP/1.1 to frames, and back. What the
 * kernel has to do with it is left out.
 */
import { Connection } from '../../../engine/net/connection.ts'
import type { UpstreamSnapshot } from '../../../engine/snapshot.ts'
import type { ClientSession } from '../../../engine/upstream/client-session.ts'
import type { Endpoint } from '../../../engine/upstream/endpoint.ts'
import { Http2ClientConnection } from '../../../engine/upstream/http2-client-connection.ts'
import { Http2ClientStream } from '../../../engine/upstream/http2-client-stream.ts'
import { Http2Pool } from '../../../engine/upstream/http2-pool.ts'
import type { ResponseReceiver } from '../../../engine/upstream/response-receiver.ts'
import { dataFrame, headersFrame, responseFields, settingsFrame } from '../../../test/support/http2-peer.ts'
import { upstreamSnapshot } from '../../../test/support/snapshot.ts'
import { openGeneration, snapshot } from '../exchange/stage.ts'
import { bench, runIfMain } from '../harness.ts'
import { deliver, mutedHandle, netContext } from '../net/muted-handle.ts'

const HEAD = Buffer.from(
  'GET /path/to/something?query=1 HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n' +
    'X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: http\r\nVia: 1.1 sluice\r\nX-Request-Id: 0123456789abcdef\r\n\r\n',
  'latin1',
)
const FIELDS = responseFields(
  200,
  ['content-type', 'text/plain'],
  ['content-length', '100'],
  ['date', 'Thu, 01 Jan 2026 00:00:00 GMT'],
  ['server', 'origin'],
)
/** Where a frame has its stream. */
const STREAM_AT = 5

class Receiver implements ResponseReceiver {
  readonly isHead = false
  readonly wantsUpgrade = false
  readonly responseTimeoutMs = 30_000
  readonly idleMs = 60_000
  readonly replayBytesMax = 0
  readonly takesBulk = true
  requestStart = 0
  requestEnd = 0
  ended = 0
  onConnected(): void {}
  onInterim(): void {}
  onResponseHead(): void {}
  onResponseContent(): void {}
  onResponseFlush(): void {}
  onRequestDrain(): void {}
  onSwitch(): void {}
  onResponseEnd(): void {
    this.ended += 1
  }
  onSessionError(_session: ClientSession, error: string): void {
    throw new Error(error)
  }
}

const context = netContext()
const { generation } = await openGeneration(snapshot(3000, {}), context)
const endpoint = generation.upstreams[0]?.endpoints[0] as Endpoint
const settings: UpstreamSnapshot = upstreamSnapshot('origin', { endpoints: [endpoint.address] })
const owner = { onIdle: () => true, onRoom: () => undefined, isWantedElsewhere: false }

interface Line {
  readonly origin: Connection
  readonly connection: Http2ClientConnection
  readonly pool: Http2Pool
  stream: number
}

function request(pool: Http2Pool, connection: Http2ClientConnection, receiver: Receiver): Http2ClientStream {
  const stream = new Http2ClientStream(pool, connection)
  stream.prepare().copy(HEAD, 0, HEAD.length)
  stream.begin(receiver, 0, false)
  return stream
}

function open(): Line {
  const { timeouts, pool: limits, http2 } = settings
  const pool = new Http2Pool(
    { endpoint, settings: limits, http2, timeouts, proxyProtocol: null, context, owner },
    null,
    null,
  )
  const connection = new Http2ClientConnection(pool, null, false)
  const first = request(pool, connection, new Receiver())
  const origin = new Connection(context, mutedHandle())
  connection.onConnect(origin)
  first.flush()
  deliver(origin, Buffer.concat([settingsFrame(), headersFrame(1, FIELDS), dataFrame(1, 'x'.repeat(100), true)]))
  return { origin, connection, pool, stream: 1 }
}

/** `together` requests, then all of their responses in one read. */
function exchange(name: string, together: number): void {
  const line = open()
  const receiver = new Receiver()
  const response = Buffer.concat([headersFrame(1, FIELDS), dataFrame(1, 'x'.repeat(100), true)])
  const dataAt = headersFrame(1, FIELDS).length
  const responses = Buffer.concat(Array.from({ length: together }, () => response))
  bench(
    name,
    () => {
      const { link } = line.connection
      if (link === null || link.closed)
        throw new Error(`the connection is closed: ${link?.systemError}, ${line.stream}`)
      for (let index = 0; index < together; index += 1) {
        request(line.pool, line.connection, receiver).flush()
        line.stream += 2
        const at = index * response.length
        responses.writeUInt32BE(line.stream, at + STREAM_AT)
        responses.writeUInt32BE(line.stream, at + dataAt + STREAM_AT)
      }
      link.output.flush()
      deliver(line.origin, responses)
      return receiver.ended
    },
    together,
  )
}

exchange('one request after the other', 1)
exchange('ten requests together', 10)

await runIfMain(import.meta)
