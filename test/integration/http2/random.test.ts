import { createServer } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeFields } from '../../support/http2-fields.ts'
import {
  dataFrame,
  frame,
  GOAWAY,
  goawayFrame,
  headersFrame,
  http2Client,
  requestFields,
  resetFrame,
  settingsFrame,
  uint32,
  windowFrame,
} from '../../support/http2-peer.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../../support/listen.ts'

let origin: Listening
let proxy: InstrumentedProxy
beforeAll(async () => {
  const server = createServer((request, response) => {
    if (request.url === '/never') return
    if (request.url === '/early') response.end('early')
    else request.resume().on('end', () => response.end('x'.repeat(Number(request.headers['x-bytes'] ?? 10))))
  })
  origin = await listenOn(server)
  proxy = await startInstrumentedProxy({ upstreams: { origin: { endpoints: [origin.address], pool: { idleMax: 0 } } } })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await origin.close()
})

const stream = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 5 }).map(n => n * 2 + 1) }, fc.nat(12))
const path = fc.constantFrom('/', '/early', '/never', '/')

/** Frames that a client may send, in an order that is no client's. */
const valid = fc.oneof(
  fc
    .tuple(stream, path, fc.boolean(), fc.constantFrom('10', '70000', '200000'))
    .map(([id, target, end, bytes]) => headersFrame(id, requestFields('GET', target, ['x-bytes', bytes]), end)),
  fc.tuple(stream, fc.nat(3000), fc.boolean()).map(([id, length, end]) => dataFrame(id, Buffer.alloc(length), end)),
  fc.tuple(stream, fc.nat(13)).map(([id, code]) => resetFrame(id, code)),
  fc.tuple(stream, fc.integer({ min: 1, max: 100_000 })).map(([id, increment]) => windowFrame(id, increment)),
  fc.nat(200_000).map(bytes => settingsFrame([4, bytes])),
  fc.constant(frame(6, 0, 0, '12345678')),
  fc.tuple(stream, fc.boolean()).map(([id, end]) => headersFrame(id, [['x-trailer', 'yes']], end)),
  fc.nat(9).map(last => goawayFrame(last, 0)),
)

/** Frames that nobody may send. */
const any = fc
  .tuple(fc.nat(17), fc.nat(255), stream, fc.uint8Array({ maxLength: 40 }))
  .map(([type, flags, id, payload]) => frame(type, flags, id, Buffer.from(payload)))

const broken = fc.constantFrom(
  frame(1, 4, 1, Buffer.of(0xff, 0xff)),
  frame(1, 0, 1, encodeFields(requestFields('GET', '/'))),
  windowFrame(0, 0),
  frame(0, 8, 1, Buffer.of(200)),
)

const conversation = fc.array(
  fc.oneof({ weight: 20, arbitrary: valid }, { weight: 1, arbitrary: any }, { weight: 1, arbitrary: broken }),
  { minLength: 1, maxLength: 40 },
)

/** What a client does that keeps to the rules; `which` is one of the streams that it has not ended. */
const step = fc.record({
  does: fc.constantFrom('open', 'open', 'data', 'data', 'trailers', 'reset', 'window', 'settings', 'ping', 'priority'),
  which: fc.nat(20),
  count: fc.nat(3000),
  ends: fc.boolean(),
  target: path,
})

/** The frames of such a client. */
function lawful(steps: readonly (typeof step extends fc.Arbitrary<infer Step> ? Step : never)[]): Buffer[] {
  let next = 1
  const open: number[] = []
  return steps.map(({ does, which, count, ends, target }) => {
    const id = open[which % open.length]
    if (does === 'settings') return settingsFrame([4, count * 50])
    if (does === 'ping') return frame(6, 0, 0, '12345678')
    if (does === 'open' || id === undefined) {
      const opened = next
      next += 2
      if (!ends) open.push(opened)
      return headersFrame(opened, requestFields('POST', target, ['x-bytes', String(count * 50)]), ends)
    }
    if (does === 'window') return windowFrame(ends ? 0 : id, count + 1)
    if (does === 'priority') return frame(16, 0, 0, Buffer.concat([uint32(id), Buffer.from(`u=${count % 8}, i`)]))
    if (does !== 'data' || ends) open.splice(open.indexOf(id), 1)
    if (does === 'reset') return resetFrame(id, 8)
    return does === 'data' ? dataFrame(id, Buffer.alloc(count), ends) : headersFrame(id, [['x-sum', '1']], true)
  })
}

describe('whatever a client does that keeps to the rules', () => {
  it('its connection lives on, and nothing is left behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async steps => {
        using peer = await http2Client(proxy.port)
        for (const bytes of lawful(steps)) await peer.send(bytes)
        await peer.settled()
        expect(peer.received.filter(({ type }) => type === GOAWAY)).toEqual([])
      }),
      { numRuns: 50 },
    )
    await proxy.nothingLeft()
  }, 30_000)
})

describe('whatever frames come, in whatever order', () => {
  it.each(['close', 'reset', 'end'] as const)(
    'nothing breaks, and nothing is left behind a %s',
    async how => {
      await fc.assert(
        fc.asyncProperty(conversation, fc.infiniteStream(fc.integer({ min: 1, max: 4000 })), async (frames, sizes) => {
          const peer = await http2Client(proxy.port)
          const bytes = Buffer.concat(frames)
          for (let at = 0; at < bytes.length && peer.open; ) {
            const size = sizes.next().value ?? 1
            await peer.send(bytes.subarray(at, at + size)).catch(() => {})
            at += size
          }
          await peer.settled().catch(() => {})
          peer[how]()
          if (how === 'end') await peer.closed
          peer.close()
        }),
        { numRuns: 50 },
      )
      await proxy.nothingLeft()
    },
    30_000,
  )

  it('no exception was thrown', () => {
    const faults = proxy.events.filter(({ kind }) => kind === 'connection_fault')
    if (faults.length > 0) throw new Error(JSON.stringify(faults[0]))
  })
})
