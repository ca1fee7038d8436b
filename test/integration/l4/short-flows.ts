import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { waitFor } from '../../support/wait-for.ts'

const PIECE = Buffer.alloc(1_000, 'x')

/** How long one flow may take, in ms. */
const PATIENCE_MS = 10_000

/** One flow to an echo after the other, on so many connections at once: TCP's end by FIN of either side. */
export class ShortFlows {
  /** Those that have got back what they sent. */
  ended = 0
  readonly problems: string[] = []
  readonly #flow: () => Promise<string>
  readonly #clients: Promise<void>[]
  #isStopped = false

  constructor(flow: () => Promise<string>, atOnce: number) {
    this.#flow = flow
    this.#clients = Array.from({ length: atOnce }, () => this.#run())
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const problem = await this.#flow()
      if (problem === '') this.ended += 1
      else this.problems.push(problem)
    }
  }

  /** So many more have ended, whole or not. */
  async more(count: number): Promise<void> {
    const goal = this.ended + this.problems.length + count
    await waitFor(() => this.ended + this.problems.length >= goal, `${count} flows more`, 60_000)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#clients)
  }
}

/** 1,000 bytes to an echo and back, FIN behind them. Empty, or what went wrong. */
export async function tcpFlow(port: number, content = PIECE): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const chunks: Buffer[] = []
  let problem = ''
  socket.on('error', error => {
    problem = error.message
  })
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('nothing came')))
  socket.end(content)
  await once(socket, 'close')
  if (problem !== '') return problem
  const received = Buffer.concat(chunks)
  return received.equals(content) ? '' : `${received.length} bytes came back`
}

/** A datagram to an echo and back, from a port of its own. Empty, or what went wrong. */
export async function udpFlow(port: number): Promise<string> {
  const socket = createSocket('udp4')
  try {
    socket.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.send(PIECE)
    const [message] = (await once(socket, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })) as [Buffer]
    return message.subarray(-PIECE.length).equals(PIECE) ? '' : `${message.length} bytes came back`
  } catch (error) {
    return (error as Error).message
  } finally {
    socket.close()
  }
}
