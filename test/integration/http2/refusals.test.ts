/** What is refused, or turns out to be no tunnel, is told in records, and nothing of it is left behind. */
import { expect, it } from 'vitest'
import type { Fields } from '../../support/http2-fields.ts'
import { dataFrame, headersFrame, http2Client, requestFields } from '../../support/http2-peer.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nmore'

const tunnelTo = (path: string): Fields => [
  [':method', 'CONNECT'],
  [':protocol', 'websocket'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'example.com'],
]

it('requests that are refused, and tunnels that are none, are told in records and leave nothing behind', async () => {
  await using origin = await recordingOrigin({
    answer: ({ target }) => (target === '/switched' ? SWITCHED : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno'),
  })
  await using proxy = await startInstrumentedProxy({ upstreams: { origin: [origin.address] } })
  const requests: readonly (readonly [fields: Fields, error: string, detail: string])[] = [
    [requestFields('GET', '/', ['te', 'gzip']), 'request_malformed', 'te is other than trailers'],
    [requestFields('GET', '/', ['host', 'a.example']), 'request_malformed', 'host is other than :authority'],
    [requestFields('BREW', '/'), 'request_method_unknown', 'the method is not known'],
    [tunnelTo('/page'), 'upstream_upgrade_unsupported', ''],
    [tunnelTo('/switched'), 'upstream_response_malformed', ''],
  ]
  const peer = await http2Client(proxy.port)
  for (const [index, [fields]] of requests.entries()) {
    const stream = index * 2 + 1
    await peer.send(headersFrame(stream, fields), dataFrame(stream, 'content'))
    await peer.resetOf(stream)
  }
  const records = await proxy.records(requests.length)
  expect(records.map(({ error, errorDetail }) => [error, errorDetail])).toEqual(
    requests.map(([, error, detail]) => [error, detail]),
  )
  peer.close()
  await proxy.nothingLeft()
})
