import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Listening, listenOn } from '../../support/listen.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { waitFor } from '../../support/wait-for.ts'

const CONTENT = Buffer.alloc(1024 * 1024, 'all that there is to say. ')

let onConnection: (socket: Socket) => void
let endpoint: Listening
let proxy: TestProxy

beforeAll(async () => {
  endpoint = await listenOn(createServer({ allowHalfOpen: true }, socket => onConnection(socket)))
  proxy = await startTestProxy({ tcpListeners: [{}], upstreams: { endpoint: [endpoint.address] } })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await endpoint.close()
})

/** Either end of a flow, and what has come to it. */
interface End {
  readonly socket: Socket
  readonly chunks: Buffer[]
  /** `ECONNRESET` and its like; empty without an error. */
  error: string
  readonly closed: Promise<void>
}

function watch(socket: Socket): End {
  const closed = new Promise<void>(resolve => socket.on('close', () => resolve()))
  const end: End = { socket, chunks: [], error: '', closed }
  socket.on('data', (chunk: Buffer) => end.chunks.push(chunk))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    end.error = error.code ?? error.message
  })
  return end
}

/** A flow with bytes of both sides on it: its two ends. */
async function openFlow(): Promise<{ readonly client: End; readonly server: End }> {
  const accepted = new Promise<End>(resolve => {
    onConnection = socket => resolve(watch(socket))
  })
  const client = watch(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }))
  client.socket.write('?')
  const server = await accepted
  await waitFor(() => server.chunks.length > 0, 'a byte of the client')
  server.socket.write('!')
  await waitFor(() => client.chunks.length > 0, 'a byte of the server')
  for (const { chunks } of [client, server]) chunks.length = 0
  return { client, server }
}

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

describe.each([
  ['client', 'server'],
  ['server', 'client'],
] as const)('a %s that ends a flow', (one, other) => {
  it(`by FIN is still sent all that the ${other} has to say to what came before`, async () => {
    const { [one]: ending, [other]: staying } = await openFlow()
    const heard = once(staying.socket, 'end')
    ending.socket.end(CONTENT)
    await heard
    const ended = once(ending.socket, 'end')
    staying.socket.write(digestOf(Buffer.concat(staying.chunks)))
    staying.socket.end(CONTENT)
    await ended
    expect(Buffer.concat(ending.chunks).equals(Buffer.concat([Buffer.from(digestOf(CONTENT)), CONTENT]))).toBe(true)
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
    expect([ending.error, staying.error]).toEqual(['', ''])
  })

  it(`by RST is followed by one to the ${other}`, async () => {
    const { [one]: ending, [other]: staying } = await openFlow()
    ending.socket.resetAndDestroy()
    await staying.closed
    expect(staying.error).toBe('ECONNRESET')
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
  })

  it(`by RST behind the FIN of the ${other} is told to it all the same`, async () => {
    const { [one]: ending, [other]: staying } = await openFlow()
    const heard = once(ending.socket, 'end')
    staying.socket.end()
    await heard
    ending.socket.resetAndDestroy()
    await staying.closed
    expect(staying.error).toBe('ECONNRESET')
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
  })
})
