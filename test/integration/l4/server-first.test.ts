import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Listening, listenOn } from '../../support/listen.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { refusingPort } from '../../support/refusing-port.ts'

/** A packet of MySQL's protocol: three bytes of length, its number in the exchange, what it says. */
function packet(number: number, content: string): Buffer {
  const bytes = Buffer.from(content, 'latin1')
  const head = Buffer.alloc(4)
  head.writeUIntLE(bytes.length, 0, 3)
  head[3] = number
  return Buffer.concat([head, bytes])
}

const GREETING = packet(0, '\x0a8.4.0\0\x01\0\0\0saltsalt\0')
const LOGIN = packet(1, '\x85\xa6\xff\x01sluice\0')
const WELCOME = packet(2, '\0\0\0\x02\0\0\0')

let server: Listening
let elsewhere: Listening
let proxy: TestProxy

beforeAll(async () => {
  server = await listenOn(
    createServer(socket => {
      socket.on('error', () => {})
      socket.write(GREETING)
      socket.once('data', (login: Buffer) => socket.end(login.equals(LOGIN) ? WELCOME : 'what?'))
    }),
  )
  elsewhere = await refusingPort()
  const firstBytes = { http: 1, tls: 1, proxy: 1 }
  proxy = await startTestProxy({
    tcpListeners: [
      {},
      { firstBytes, timeouts: { firstBytesMs: 100 } },
      { firstBytes, timeouts: { firstBytesMs: 100 }, upstream: -1 },
    ],
    upstreams: { mysql: [server.address], elsewhere: [elsewhere.address] },
  })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await server.close()
  await elsewhere.close()
})

/** A client that says nothing before it was greeted; what it has read when the server ends. */
async function login(port: number): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => {
    if (chunks.length === 0) socket.write(LOGIN)
    chunks.push(chunk)
  })
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

const DIALOGUE = Buffer.concat([GREETING, WELCOME])

describe('a server that greets first, as MySQL does', () => {
  it('is heard by a client that waits for it', async () => {
    expect(await login(proxy.portOf(0))).toEqual(DIALOGUE)
  })

  it('is heard where first bytes decide, when the client has sent none for as long as they may take', async () => {
    expect(await login(proxy.portOf(1))).toEqual(DIALOGUE)
  })

  it('is not reached where there is no upstream for a client that says nothing', async () => {
    expect(await login(proxy.portOf(2))).toEqual(Buffer.alloc(0))
  })
})
