import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EchoProcess, startEcho } from '../../support/echo-process.ts'
import { get } from '../../support/heads.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { tcpFlow, udpFlow } from './short-flows.ts'
import { hearOneMore, TcpTalk } from './talks.ts'

const WORKERS = 2

let first: EchoProcess
let second: EchoProcess
let proxy: InstrumentedProxy

beforeAll(async () => {
  ;[first, second] = await Promise.all([startEcho(), startEcho()])
  proxy = await startInstrumentedProxy({
    workers: WORKERS,
    listeners: [{}],
    tcpListeners: [{}],
    udpListeners: [{ idleMs: 200 }],
    // The second has what the first cannot take.
    upstreams: {
      echo: {
        endpoints: [{ address: first.address }, { address: second.address, backup: true }],
        passive: { ejectMs: 200, ejectMaxMs: 200 },
        retry: { budget: 1 },
      },
    },
    routes: [{ to: { kind: 'respond', status: 200, fields: [], content: new Uint8Array() } }],
  })
})
/** For the next one: the first is there, and is used. */
afterEach(async () => {
  if (!first.isRunning) await first.start()
  await expect.poll(isFirstUsed).toBe(true)
  await proxy.nothingLeft()
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await first.kill()
  await second.kill()
})

const inFlight = () => proxy.stats().inFlight.map(({ requests }) => requests)

/** A client in the middle of a flow. */
async function openFlow(): Promise<Socket> {
  const socket = connect(proxy.portOf(1), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('here')
  await once(socket, 'data')
  return socket
}

/** One of the workers dies, and there is another in its place. */
async function crashOne(): Promise<void> {
  const starts = () => proxy.events.filter(event => event.kind === 'worker_started').length
  const before = starts()
  using crasher = await rawClient(proxy.portOf(0))
  await crasher.send(get('/crash'))
  await crasher.readResponse()
  await waitFor(() => starts() > before, 'a worker in its place', 10_000)
}

async function isFirstUsed(): Promise<boolean> {
  const socket = await openFlow()
  const [requests] = inFlight()
  socket.destroy()
  return requests === 1
}

describe('an endpoint that is killed', () => {
  it('ends the flows that it has, and new ones go to the next', async () => {
    const flows = await Promise.all(Array.from({ length: 20 }, openFlow))
    expect(inFlight()).toEqual([20, 0])
    const ends = flows.map(socket => new Promise(resolve => socket.on('close', resolve)))
    await first.kill()
    await Promise.all(ends)
    await expect.poll(inFlight).toEqual([0, 0])
    const port = proxy.portOf(1)
    expect(await Promise.all(Array.from({ length: 20 }, () => tcpFlow(port)))).toEqual(Array(20).fill(''))
  })

  it('has its flows of UDP go to the next as soon as its port is closed', async () => {
    const port = proxy.portOf(2)
    expect(await udpFlow(port)).toBe('')
    await first.kill()
    // As many as may try again at once, whatever came before.
    expect(await Promise.all(Array.from({ length: 8 }, () => udpFlow(port)))).toEqual(Array(8).fill(''))
  })

  it('is used again when it is back', async () => {
    await first.kill()
    expect(await tcpFlow(proxy.portOf(1))).toBe('')
    await first.start()
    await expect.poll(isFirstUsed).toBe(true)
  })
})

describe('a worker that dies', () => {
  it('takes its own flows with it; those of the other go on, and new ones are served by both', async () => {
    const talks = await Promise.all(Array.from({ length: 20 }, () => TcpTalk.open(proxy.portOf(1))))
    await hearOneMore(talks)
    expect(proxy.stats().flows.active).toBe(20)
    await crashOne()
    const survivors = () => talks.filter(({ problem }) => problem === '')
    await waitFor(() => survivors().length < 20, 'flows that were cut')
    await waitFor(() => survivors().length === proxy.stats().flows.active, 'counts without those')
    expect(inFlight()).toEqual([survivors().length, 0])
    const lasting = survivors()
    await hearOneMore(lasting)
    expect(lasting.every(({ problem }) => problem === '')).toBe(true)
    const port = proxy.portOf(1)
    expect(await Promise.all(Array.from({ length: 40 }, () => tcpFlow(port)))).toEqual(Array(40).fill(''))
    for (const talk of talks) talk.close()
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
  })

  it('leaves its clients of UDP to the others', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => DatagramClient.open(proxy.portOf(2))))
    const sayOnce = () => {
      for (const client of clients) client.socket.send('hello')
    }
    sayOnce()
    await waitFor(() => clients.every(({ answers }) => answers === 1), 'an answer for each')
    expect(proxy.stats().flows.active).toBe(20)
    await crashOne()
    const speaking = setInterval(sayOnce, 20)
    await waitFor(() => clients.every(({ answers }) => answers > 1), 'an answer for each again', 10_000)
    clearInterval(speaking)
    for (const { socket } of clients) socket.close()
  })
})

class DatagramClient {
  readonly socket: DatagramSocket = createSocket('udp4')
  answers = 0

  static async open(port: number): Promise<DatagramClient> {
    const client = new DatagramClient()
    client.socket.on('message', () => {
      client.answers += 1
    })
    // Where nobody listens for a moment, that is said here.
    client.socket.on('error', () => {})
    client.socket.connect(port, '127.0.0.1')
    await once(client.socket, 'connect')
    return client
  }
}
