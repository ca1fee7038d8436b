import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { Bell } from '../../support/bell.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { waitFor } from '../../support/wait-for.ts'

const MESSAGES = 10_000

/** Sizes from nothing to 100 KB, around the limits of frame headers and of our buffers, most of them small. */
const SIZES = [0, 1, 125, 126, 127, 1_000, 4_096, 65_535, 65_536, 65_537, 100_000]

function sizeOf(index: number): number {
  return index % 50 < SIZES.length ? SIZES[index % 50]! : (index * 37) % 600
}

const ALPHABET = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz'.repeat(4_000))

/** Content that tells which message it is, as text and as bytes. */
function messageOf(index: number): Buffer {
  const start = index % 1_000
  return ALPHABET.subarray(start, start + sizeOf(index))
}

const isBinaryAt = (index: number) => index % 3 === 0

/** Counts the messages that are not the ones to be expected. */
class Checker {
  received = 0
  wrong = 0
  readonly #bell = new Bell()

  take(data: Buffer, isBinary: boolean): void {
    if (isBinary !== isBinaryAt(this.received) || !data.equals(messageOf(this.received))) this.wrong += 1
    this.received += 1
    if (this.received === MESSAGES) this.#bell.ring()
  }

  async all(): Promise<void> {
    if (this.received < MESSAGES) await this.#bell.wait()
  }
}

async function sendAll(socket: WebSocket): Promise<void> {
  for (let index = 0; index < MESSAGES; index += 1) {
    const data = messageOf(index)
    const sent = new Promise(resolve => socket.send(data, { binary: isBinaryAt(index) }, resolve))
    // Bounds what lies in this process.
    if (socket.bufferedAmount > 4_000_000) await sent
  }
}

let proxy: InstrumentedProxy
let server: WebSocketServer
let accepted: WebSocket[]

beforeAll(async () => {
  accepted = []
  server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    perMessageDeflate: true,
    handleProtocols: protocols => (protocols.has('chat.v2') ? 'chat.v2' : false),
  })
  server.on('connection', socket => {
    accepted.push(socket)
    socket.on('error', () => {})
  })
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  proxy = await startInstrumentedProxy({ upstreams: { a: [{ kind: 'tcp', host: '127.0.0.1', port }] } })
})
afterEach(() => proxy.nothingLeft())
afterAll(async () => {
  await proxy.stop()
  server.close()
})

/** Both ends of a WebSocket through the proxy. */
async function open(options: { deflate?: boolean; protocols?: string[] } = {}) {
  accepted = []
  const client = new WebSocket(`ws://127.0.0.1:${proxy.port}/socket`, options.protocols ?? [], {
    perMessageDeflate: options.deflate ?? false,
  })
  client.on('error', () => {})
  await once(client, 'open')
  const origin = await waitFor(() => accepted[0], 'the WebSocket at the origin')
  return { client, origin }
}

const closeOf = async (socket: WebSocket) => {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  return `${code} ${reason}`.trim()
}

describe('a WebSocket', () => {
  it('carries ten thousand messages each way at once, in order and unchanged', async () => {
    const { client, origin } = await open()
    const [atClient, atOrigin] = [new Checker(), new Checker()]
    client.on('message', (data, isBinary) => atClient.take(data as Buffer, isBinary))
    origin.on('message', (data, isBinary) => atOrigin.take(data as Buffer, isBinary))
    await Promise.all([sendAll(client), sendAll(origin), atClient.all(), atOrigin.all()])
    expect({ client: atClient.wrong, origin: atOrigin.wrong }).toEqual({ client: 0, origin: 0 })
    const closed = closeOf(origin)
    client.close(1000)
    expect(await closed).toBe('1000')
  })

  it('carries compressed messages where both sides have agreed on that, and the subprotocol they chose', async () => {
    const { client, origin } = await open({ deflate: true, protocols: ['chat.v1', 'chat.v2'] })
    expect(client.extensions).toContain('permessage-deflate')
    expect(client.protocol).toBe('chat.v2')
    expect(origin.protocol).toBe('chat.v2')
    origin.on('message', (data, isBinary) => origin.send(data, { binary: isBinary }))
    for (const size of SIZES) {
      client.send(ALPHABET.subarray(0, size))
      const [data] = (await once(client, 'message')) as [Buffer]
      expect(data.equals(ALPHABET.subarray(0, size))).toBe(true)
    }
    client.close()
    await closeOf(client)
  })

  it('carries fragments as they are sent', async () => {
    const { client, origin } = await open()
    const fragments: Promise<unknown[]> = once(origin, 'message')
    client.send('first ', { fin: false })
    client.send('second ', { fin: false })
    client.send('third', { fin: true })
    expect(String((await fragments)[0])).toBe('first second third')
    client.terminate()
  })

  it('carries ping and pong both ways', async () => {
    const { client, origin } = await open()
    for (const [from, to] of [
      [client, origin],
      [origin, client],
    ] as const) {
      const [pinged, ponged] = [once(to, 'ping'), once(from, 'pong')]
      from.ping('are you there?')
      expect(String((await pinged)[0])).toBe('are you there?')
      expect(String((await ponged)[0])).toBe('are you there?')
    }
    client.terminate()
  })

  it.each([
    [1000, 'done'],
    [1001, 'going away'],
    [1011, ''],
    [3000, 'registered'],
    [4999, 'ours'],
  ])('keeps the close code %i and its reason, whoever closes', async (code, reason) => {
    for (const closer of ['client', 'origin'] as const) {
      const both = await open()
      const closed = [closeOf(both.client), closeOf(both.origin)]
      both[closer].close(code, reason)
      expect(await Promise.all(closed)).toEqual([`${code} ${reason}`.trim(), `${code} ${reason}`.trim()])
    }
  })

  it('closed without a code is closed without one on the other side (1005)', async () => {
    const { client, origin } = await open()
    const closed = closeOf(origin)
    client.close()
    expect(await closed).toBe('1005')
  })

  it.each(['client', 'origin'] as const)('that breaks at the %s breaks at the other side (1006)', async breaker => {
    const both = await open()
    const other = closeOf(both[breaker === 'client' ? 'origin' : 'client'])
    both[breaker].terminate()
    expect(await other).toBe('1006')
  })

  it('is one of many on the same worker', async () => {
    accepted = []
    const clients = Array.from({ length: 100 }, () => new WebSocket(`ws://127.0.0.1:${proxy.port}/`))
    await Promise.all(clients.map(client => once(client, 'open')))
    await waitFor(() => accepted.length === 100, 'a hundred WebSockets at the origin')
    expect(proxy.stats().inFlight[0]!.requests).toBe(100)
    for (const socket of accepted) socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    await Promise.all(
      clients.map(async (client, number) => {
        for (let index = 0; index < 20; index += 1) {
          client.send(`${number}/${index}`)
          expect(String((await once(client, 'message'))[0])).toBe(`${number}/${index}`)
        }
        client.close(1000)
        await once(client, 'close')
      }),
    )
  })
})
