import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** How many queries may be under way at once: what the kernel keeps for a socket that is not read for a while is more. */
const UNDER_WAY_MAX = 100

/** How long an answer may take that comes at all. */
const PATIENCE_MS = 10_000

const NAMES = 1_000

export interface DnsLoadOptions {
  /** Of 127.0.0.1. */
  readonly port: number
  readonly queries: number
  /** Sockets from which they are sent in turn, each with a port of its own. */
  readonly sockets: number
  /** Queries; 0 for as fast as they are answered. */
  readonly perSecond: number
}

export interface DnsLoadReport {
  readonly answered: number
  /** Those that nobody had asked for, or that say something else than the truth. */
  readonly wrong: number
  readonly seconds: number
}

function nameOf(index: number): string {
  return `h${index % NAMES}.test`
}

function addressOf(index: number): readonly number[] {
  const number = index % NAMES
  return [10, 1, number >> 8, number & 255]
}

/** The names that are asked for, and where they lead. */
export function dnsLoadHosts(): Record<string, readonly string[]> {
  return Object.fromEntries(Array.from({ length: NAMES }, (_, index) => [nameOf(index), [addressOf(index).join('.')]]))
}

function queryOf(id: number): Buffer {
  const head = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  head.writeUInt16BE(id, 0)
  const labels = nameOf(id).split('.')
  const name = labels.map(label => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]))
  // The root; the type A of the class IN.
  return Buffer.concat([head, ...name, Buffer.from([0, 0, 1, 0, 1])])
}

/** No error, one answer, whose last four bytes are the address. */
function isRight(answer: Buffer, id: number): boolean {
  const isAnswer = ((answer[2] ?? 0) & 0x80) !== 0 && ((answer[3] ?? 0) & 0x0f) === 0
  return isAnswer && answer.readUInt16BE(6) === 1 && answer.subarray(-4).equals(Buffer.from(addressOf(id)))
}

interface Asking {
  readonly socket: Socket
  /** The ids that it waits for. */
  readonly asked: Set<number>
}

async function openSocket(port: number, onAnswer: (asking: Asking, answer: Buffer) => void): Promise<Asking> {
  const asking = { socket: createSocket('udp4'), asked: new Set<number>() }
  asking.socket.on('message', answer => onAnswer(asking, answer))
  // What a refusing port says comes here; the query stays without an answer.
  asking.socket.on('error', () => {})
  asking.socket.connect(port, '127.0.0.1')
  await once(asking.socket, 'connect')
  return asking
}

/** Sends each query once, and resolves when all are answered, or none has been for a long time. */
export async function runDnsLoad({ port, queries, sockets, perSecond }: DnsLoadOptions): Promise<DnsLoadReport> {
  let answered = 0
  let wrong = 0
  let sent = 0
  let begin = 0
  let movedAt = 0
  const sendDue = () => {
    const due = perSecond === 0 ? queries : ((performance.now() - begin) / 1_000) * perSecond
    while (sent < Math.min(due, queries) && sent - answered < UNDER_WAY_MAX) {
      const { socket, asked } = open[sent % sockets] as Asking
      const id = sent & 0xffff
      asked.add(id)
      socket.send(queryOf(id))
      sent += 1
    }
  }
  const onAnswer = ({ asked }: Asking, answer: Buffer) => {
    const id = answer.readUInt16BE(0)
    if (asked.delete(id) && isRight(answer, id)) answered += 1
    else wrong += 1
    movedAt = performance.now()
    sendDue()
  }
  const open = await Promise.all(Array.from({ length: sockets }, () => openSocket(port, onAnswer)))
  begin = movedAt = performance.now()
  await new Promise<void>(resolve => {
    const timer = setInterval(() => {
      sendDue()
      if (answered + wrong < queries && performance.now() - movedAt < PATIENCE_MS) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
  const seconds = (performance.now() - begin) / 1_000
  for (const { socket } of open) socket.close()
  return { answered, wrong, seconds }
}
