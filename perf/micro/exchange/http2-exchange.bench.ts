/**
 * A whole exchange of a client that speaks HTTP/2 with an origin that speaks HTTP/1.1: as `exchange.bench.ts`, with frames on the
 * client's side.
 */
import type { Http2ServerConnection } from '../../../engine/exchange/http2-server-connection.ts'
import {
  ACK,
  frame,
  headersFrame,
  PREFACE,
  requestFields,
  SETTINGS,
  settingsFrame,
  windowFrame,
} from '../../../test/support/http2-peer.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { RESPONSES } from '../messages.ts'
import { bytesWritten, deliver } from '../net/muted-handle.ts'
import { setStage } from './stage.ts'

/** Of content that the client takes from the start on: more than a bench can bring. */
const WINDOW_BYTES = 2 ** 31 - 1 - 65_535

/** Where a frame has its stream. */
const STREAM_AT = 5

async function exchange(name: string, fields: readonly (readonly [string, string])[]): Promise<void> {
  const { client, origin } = await setStage({ http2: true })
  const { output } = client.owner as Http2ServerConnection
  deliver(client, Buffer.concat([PREFACE, settingsFrame(), frame(SETTINGS, ACK, 0), windowFrame(0, WINDOW_BYTES)]))
  const request = headersFrame(1, requestFields('GET', '/path', ...fields), true)
  const nextResponse = cycle(RESPONSES.map(text => Buffer.from(text, 'latin1')))
  let stream = -1
  bench(name, () => {
    const before = bytesWritten
    stream += 2
    request.writeUInt32BE(stream, STREAM_AT)
    deliver(client, request)
    deliver(origin, nextResponse())
    output.flush()
    if (bytesWritten === before || client.closed || origin.closed) throw new Error('the exchange has failed')
    return bytesWritten
  })
}

await exchange('request of a tool, response of 100 bytes', [
  ['user-agent', 'bench'],
  ['accept', '*/*'],
])

await runIfMain(import.meta)
