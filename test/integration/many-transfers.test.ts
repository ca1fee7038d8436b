import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type InstrumentedProxy, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

/**
 * More transfers that have come to a stop than there are buffer slots: each has bytes in a slot that the kernel has not
 * taken. Over unix sockets, whose buffers in the kernel are small.
 */
const TRANSFERS = 600
const SLOTS = 512
const SIZE = 700_000

const NOISE = randomBytes(80_000)
const TWICE = Buffer.concat([NOISE, NOISE])

/** Bytes `from` to `from + count` (65,536 at most) of the content with that number. */
function contentAt(number: number, from: number, count: number): Buffer {
  const start = (from + number * 97) % NOISE.length
  return TWICE.subarray(start, start + count)
}

function* content(number: number): Generator<Buffer> {
  for (let at = 0; at < SIZE; at += 40_000) yield contentAt(number, at, Math.min(40_000, SIZE - at))
}

/** Reads to the end; says what is wrong, if anything. */
async function check(stream: Readable, number: number): Promise<string> {
  let at = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; from += 65_536) {
      const part = chunk.subarray(from, from + 65_536)
      if (!part.equals(contentAt(number, at, part.length))) return `${number} differs behind byte ${at}`
      at += part.length
    }
  }
  return at === SIZE ? '' : `${number} has ${at} bytes`
}

const isChunked = (number: number) => number % 2 === 0
const framing = (number: number) => (isChunked(number) ? {} : { 'Content-Length': SIZE })

let folder: TemporaryFolder
let origin: Listening
let proxy: InstrumentedProxy
/** Uploads that the origin has not begun to read. */
let waiting: { readonly request: IncomingMessage; readonly answer: (verdict: string) => void }[]

beforeAll(async () => {
  folder = await temporaryFolder()
  const server = createServer((request, response) => {
    const number = Number(request.url!.slice(1))
    if (request.method === 'PUT') {
      waiting.push({ request, answer: verdict => response.end(verdict) })
    } else {
      response.writeHead(200, framing(number))
      pipeline(Readable.from(content(number)), response).catch(() => {})
    }
  })
  server.on('upgrade', (request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: bulk\r\n\r\n')
    pipeline(Readable.from(content(Number(request.url!.slice(1)))), socket).catch(() => {})
  })
  origin = await listenOn(server, folder.file('origin.sock'))
  proxy = await startInstrumentedProxy({
    listeners: [{ address: { kind: 'unix', path: folder.file('proxy.sock') } }],
    upstreams: { a: { endpoints: [origin.address], pool: { idleTimeoutMs: 100 } } },
  })
})
afterEach(() => proxy.nothingLeft(10_000))
afterAll(async () => {
  await proxy.stop()
  await origin.close()
  await folder[Symbol.asyncDispose]()
})

function ask(number: number, method: string) {
  const socketPath = folder.file('proxy.sock')
  return httpRequest({ socketPath, path: `/${number}`, method, agent: false, headers: { ...framing(number) } })
}

/** Resolves when all slots are taken. */
async function allSlotsTaken(): Promise<void> {
  await expect.poll(async () => (await proxy.reports())[0]!.slots, { timeout: 15_000 }).toBe(SLOTS)
}

/** Numbers of transfers that begin at once: fewer than a unix socket's queue of connections takes. */
const WAVE = 100
const waves = Array.from({ length: TRANSFERS / WAVE }, (_, wave) =>
  Array.from({ length: WAVE }, (_, index) => wave * WAVE + index),
)

async function beginDownload(number: number): Promise<IncomingMessage> {
  const request = ask(number, 'GET').end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(200)
  return response
}

/** A tunnel whose origin sends its content and FIN. */
async function beginTunnel(number: number): Promise<Socket> {
  const headers = { Connection: 'Upgrade', Upgrade: 'bulk' }
  const request = httpRequest({ socketPath: folder.file('proxy.sock'), path: `/${number}`, agent: false, headers })
  const [, socket, first] = (await once(request.end(), 'upgrade')) as [IncomingMessage, Socket, Buffer]
  socket.unshift(first)
  return socket
}

/** Gives the origin's verdict. */
async function upload(number: number): Promise<string> {
  const request = ask(number, 'PUT')
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  const [[response]] = await Promise.all([answered, pipeline(Readable.from(content(number)), request)])
  let text = ''
  for await (const chunk of response) text += chunk
  return text
}

describe(`${TRANSFERS} transfers at once that have all come to a stop`, () => {
  it('come down unchanged when their clients read on', { timeout: 60_000 }, async () => {
    const responses: IncomingMessage[] = []
    for (const wave of waves) responses.push(...(await Promise.all(wave.map(beginDownload))))
    await allSlotsTaken()
    expect(proxy.stats().exchangesActive).toBe(TRANSFERS)
    // One more finds no slot, and is served all the same.
    expect(await check(await beginDownload(TRANSFERS), TRANSFERS)).toBe('')
    const verdicts = await Promise.all(responses.map((response, number) => check(response, number)))
    expect(verdicts.filter(verdict => verdict !== '')).toEqual([])
  })

  it('go up unchanged when their origin reads on', { timeout: 60_000 }, async () => {
    waiting = []
    const verdicts: Promise<string>[] = []
    for (const [index, wave] of waves.entries()) {
      verdicts.push(...wave.map(upload))
      await expect.poll(() => waiting.length).toBe((index + 1) * WAVE)
    }
    await allSlotsTaken()
    for (const { request, answer } of waiting) void check(request, Number(request.url!.slice(1))).then(answer)
    expect((await Promise.all(verdicts)).filter(verdict => verdict !== '')).toEqual([])
  })

  it('come down unchanged through tunnels', { timeout: 60_000 }, async () => {
    const sockets: Readable[] = []
    for (const wave of waves) sockets.push(...(await Promise.all(wave.map(beginTunnel))))
    await allSlotsTaken()
    const verdicts = await Promise.all(sockets.map((socket, number) => check(socket, number)))
    expect(verdicts.filter(verdict => verdict !== '')).toEqual([])
    for (const socket of sockets) socket.destroy()
  })
})
