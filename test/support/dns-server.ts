/**
 * A DNS server for tests: on loopback, over UDP and TCP on one port, with records that change while it runs and with every
 * fault that a resolver meets. It knows A, AAAA, SRV and CNAME, with TTLs, and nothing else of DNS. What a real server
 * does is for dnsmasq to say (`dnsmasq.ts`); this one is for what no real server can be told to do.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { Bell } from './bell.ts'
import { freePort } from './free-port.ts'

export interface ServiceRecord {
  readonly priority?: number
  readonly weight?: number
  readonly port: number
  /** A name, or `.` for "no such service". */
  readonly target: string
}

/** What the server says of one name. A type that is not here has no records (ENODATA). */
export interface DnsRecords {
  /** In seconds, for each record; 60 if it is left out. */
  readonly ttlS?: number
  /** IPv4 addresses. */
  readonly a?: readonly string[]
  /** IPv6 addresses. */
  readonly aaaa?: readonly string[]
  readonly srv?: readonly ServiceRecord[]
  /** Another name of this server; what it has is answered with it. */
  readonly cname?: string
}

/**
 * How questions are mistreated: `silent` (no answer), `held` (no answer before `release()`), `servfail`, `nxdomain`, `refused` (answers with that code), `empty`
 * (no records), `truncated` (over UDP: the TC bit and no records; over TCP the answer), `garbage` (64 octets that follow the
 * identifier and mean nothing), `cut` (the right answer, ending in its middle), `stranger` (an answer to another
 * identifier), or a function that makes something else of the right answer.
 */
export type DnsFault =
  | ((answer: Buffer) => Buffer)
  | 'silent'
  | 'held'
  | 'servfail'
  | 'nxdomain'
  | 'refused'
  | 'empty'
  | 'truncated'
  | 'garbage'
  | 'cut'
  | 'stranger'

export interface DnsQuery {
  /** In lower case. */
  readonly name: string
  /** `A`, `AAAA`, `SRV`, or the number. */
  readonly type: string
  readonly transport: 'udp' | 'tcp'
}

export interface DnsServer extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as a resolver's `addresses` has it. */
  readonly address: string
  readonly port: number
  /** Every question so far, in the order of arrival. */
  readonly queries: readonly DnsQuery[]
  /** The name has these records from now on, in place of those it had. */
  set(name: string, records: DnsRecords): void
  /** The name does not exist from now on (NXDOMAIN). */
  remove(name: string): void
  /** Mistreats the questions for `name` (all names if absent) and `type` (all types if absent); `null` ends it. */
  misbehave(fault: DnsFault | null, name?: string, type?: RecordType): void
  /** Answers what is held back, as it would answer now. */
  release(): void
  /** Resolves when a question for `name` has come in, since the start or since `forget`. */
  asked(name: string): Promise<void>
  /** Empties `queries`. */
  forget(): void
  close(): Promise<void>
}

type RecordType = 'A' | 'AAAA' | 'SRV'

const TYPES: Readonly<Record<number, RecordType>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' }
const CODES: Readonly<Record<string, number>> = { servfail: 2, nxdomain: 3, refused: 5 }
const CNAME = 5
const UDP_OCTETS_MAX = 512
const CNAMES_MAX = 8

/** Starts one on a free port of 127.0.0.1 that knows no names. */
export async function startDnsServer(): Promise<DnsServer> {
  const server = new ScriptedDnsServer()
  await server.listen()
  return server
}

class ScriptedDnsServer implements DnsServer {
  readonly queries: DnsQuery[] = []
  port = 0
  readonly #zone = new Map<string, DnsRecords>()
  readonly #faults = new Map<string, DnsFault>()
  readonly #bell = new Bell()
  readonly #held: (() => void)[] = []
  readonly #tcp: Server
  readonly #open = new Set<Socket>()
  #udp: DatagramSocket | null = null

  constructor() {
    this.#tcp = createServer(socket => this.#accept(socket))
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** The port has to be free for both transports. */
  async listen(): Promise<void> {
    for (;;) {
      const port = await freePort()
      const udp = createSocket('udp4')
      udp.bind(port, '127.0.0.1')
      try {
        await once(udp, 'listening')
        this.#tcp.listen(port, '127.0.0.1')
        await once(this.#tcp, 'listening')
      } catch {
        udp.close()
        continue
      }
      udp.on('message', (message, from) => {
        this.#hear(message, 'udp', answer => {
          if (this.#udp !== null) udp.send(answer, from.port, from.address)
        })
      })
      this.#udp = udp
      this.port = port
      return
    }
  }

  set(name: string, records: DnsRecords): void {
    this.#zone.set(name.toLowerCase(), records)
  }

  remove(name: string): void {
    this.#zone.delete(name.toLowerCase())
  }

  misbehave(fault: DnsFault | null, name = '*', type?: RecordType): void {
    const key = `${name.toLowerCase()} ${type ?? '*'}`
    if (fault === null) this.#faults.delete(key)
    else this.#faults.set(key, fault)
  }

  release(): void {
    for (const answer of this.#held.splice(0)) answer()
  }

  async asked(name: string): Promise<void> {
    while (!this.queries.some(query => query.name === name.toLowerCase())) await this.#bell.wait()
  }

  forget(): void {
    this.queries.length = 0
  }

  close(): Promise<void> {
    return this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const udp = this.#udp
    this.#udp = null
    if (udp === null) return
    for (const socket of this.#open) socket.destroy()
    await Promise.all([
      new Promise<void>(resolve => udp.close(() => resolve())),
      new Promise<void>(resolve => this.#tcp.close(() => resolve())),
    ])
  }

  /** Over TCP each message has its length before it (RFC 1035, section 4.2.2). */
  #accept(socket: Socket): void {
    this.#open.add(socket)
    socket.on('close', () => this.#open.delete(socket))
    socket.on('error', () => undefined)
    let received: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        this.#hear(received.subarray(2, end), 'tcp', answer => {
          socket.write(Buffer.concat([number16(answer.length), answer]))
        })
        received = received.subarray(end)
      }
    })
  }

  #hear(message: Buffer, transport: 'udp' | 'tcp', send: (answer: Buffer) => void): void {
    const end = endOfQuestion(message)
    if (end === null) return
    const name = readName(message)
    const typeNumber = message.readUInt16BE(end - 4)
    const type = TYPES[typeNumber]
    const answer = () => {
      const fault = this.#faultFor(name, type ?? '*')
      if (fault === 'held') this.#held.push(answer)
      else if (fault !== 'silent') send(this.#answer(message.subarray(0, end), name, type, transport, fault))
    }
    answer()
    this.queries.push({ name, type: type ?? String(typeNumber), transport })
    this.#bell.ring()
  }

  /** `message`: up to the end of its question. */
  #answer(
    message: Buffer,
    name: string,
    type: RecordType | undefined,
    transport: 'udp' | 'tcp',
    fault: DnsFault | null,
  ): Buffer {
    const id = message.readUInt16BE(0)
    const question = message.subarray(12)
    const code = typeof fault === 'string' ? CODES[fault] : undefined
    if (code !== undefined) return response(id, question, code, [])
    if (fault === 'empty') return response(id, question, 0, [])
    if (fault === 'garbage') return Buffer.concat([message.subarray(0, 2), Buffer.alloc(64, 0xff)])
    const records = this.#records(name, type)
    if (records === null) return response(id, question, 3, [])
    const whole = response(fault === 'stranger' ? id ^ 1 : id, question, 0, records)
    if (typeof fault === 'function') return fault(whole)
    if (fault === 'cut') return whole.subarray(0, whole.length - 5)
    const isTruncated = transport === 'udp' && (fault === 'truncated' || whole.length > UDP_OCTETS_MAX)
    return isTruncated ? response(id, question, 0, [], true) : whole
  }

  #faultFor(name: string, type: string): DnsFault | null {
    const keys = [`${name} ${type}`, `${name} *`, `* ${type}`, '* *']
    return keys.map(key => this.#faults.get(key)).find(fault => fault !== undefined) ?? null
  }

  /** The records of an answer as they go on the wire; `null` for a name that does not exist. */
  #records(name: string, type: RecordType | undefined): Buffer[] | null {
    const written: Buffer[] = []
    let owner = name
    for (let hops = 0; hops < CNAMES_MAX; hops += 1) {
      const entry = this.#zone.get(owner)
      if (entry === undefined) return written.length > 0 ? written : null
      const { ttlS = 60, a = [], aaaa = [], srv = [], cname } = entry
      if (cname !== undefined) {
        written.push(record(owner, CNAME, ttlS, writeName(cname)))
        owner = cname.toLowerCase()
        continue
      }
      if (type === 'A') written.push(...a.map(address => record(owner, 1, ttlS, ipv4(address))))
      if (type === 'AAAA') written.push(...aaaa.map(address => record(owner, 28, ttlS, ipv6(address))))
      if (type === 'SRV') written.push(...srv.map(service => record(owner, 33, ttlS, serviceData(service))))
      break
    }
    return written
  }
}

function number16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index)
  return bytes
}

/** RFC 1035, section 4.1.1: an answer, authoritative, with recursion wanted and had. */
function response(id: number, question: Buffer, code: number, records: readonly Buffer[], truncated = false): Buffer {
  const flags = 0x8580 | (truncated ? 0x0200 : 0) | code
  return Buffer.concat([number16(id, flags, 1, records.length, 0, 0), question, ...records])
}

function record(owner: string, type: number, ttlS: number, data: Buffer): Buffer {
  const ttl = Buffer.alloc(4)
  ttl.writeUInt32BE(ttlS)
  return Buffer.concat([writeName(owner), number16(type, 1), ttl, number16(data.length), data])
}

function serviceData({ priority = 0, weight = 0, port, target }: ServiceRecord): Buffer {
  return Buffer.concat([number16(priority, weight, port), writeName(target)])
}

function writeName(name: string): Buffer {
  const labels = name.split('.').filter(label => label !== '')
  const parts = labels.flatMap(label => [Buffer.from([label.length]), Buffer.from(label, 'latin1')])
  return Buffer.concat([...parts, Buffer.alloc(1)])
}

/** Where the one question ends; `null` for what is none. */
function endOfQuestion(message: Buffer): number | null {
  if (message.length < 17 || message.readUInt16BE(4) !== 1) return null
  let at = 12
  while (at < message.length && message[at] !== 0) at += 1 + (message[at] as number)
  return at + 5 <= message.length ? at + 5 : null
}

function readName(message: Buffer): string {
  const labels: string[] = []
  for (let at = 12; message[at] !== 0; at += 1 + (message[at] as number)) {
    labels.push(message.latin1Slice(at + 1, at + 1 + (message[at] as number)))
  }
  return labels.join('.').toLowerCase()
}

function ipv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}

function ipv6(address: string): Buffer {
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => text.split(':').flatMap(group => (group === '' ? [] : [Number.parseInt(group, 16)]))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = new Array<number>(8 - before.length - after.length).fill(0)
  return number16(...before, ...zeros, ...after)
}
