import { connect, createServer, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { type Listening, listenOn } from './listen.ts'

/** Accepts every connection and never reads a byte of it. */
export function unreadingPort(): Promise<Listening> {
  const server = createServer({ pauseOnConnect: true }, socket => socket.on('error', () => {}))
  return listenOn(server)
}

const listenAndBlock = `
  const { createServer } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = createServer()
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(workerData), 0, 0)
    process.exit(0)
  })
`

/**
 * A port on which a dial gets no answer at all: it listens in a thread that is blocked, and its queue of connections
 * that wait to be accepted is full, so that the kernel drops further SYNs (Linux).
 */
export async function blackhole(): Promise<Listening> {
  const gate = new SharedArrayBuffer(4)
  const worker = new Worker(listenAndBlock, { eval: true, workerData: gate })
  const port = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  // The kernel queues one connection more than the backlog says.
  const fillers: Socket[] = []
  for (let index = 0; index < 2; index += 1) {
    const socket = connect({ host: '127.0.0.1', port })
    fillers.push(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    socket.on('error', () => {})
  }
  const close = async () => {
    for (const socket of fillers) socket.destroy()
    const exited = new Promise(resolve => worker.once('exit', resolve))
    Atomics.store(new Int32Array(gate), 0, 1)
    Atomics.notify(new Int32Array(gate), 0)
    await exited
  }
  return { address: { kind: 'tcp', host: '127.0.0.1', port }, port, close, [Symbol.asyncDispose]: close }
}
