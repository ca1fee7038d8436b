import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, it } from 'vitest'
import { parseProxyHeader } from '../../../../engine/net/proxy-protocol/parse.ts'
import type { ActiveCheckSnapshot, Address } from '../../../../engine/snapshot.ts'
import { planCheck } from '../../../../engine/upstream/health/check-probe.ts'
import { openUdpProbe } from '../../../../engine/upstream/health/check-udp.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce, checkSettings } from './checks.ts'

const openSockets = () => process.getActiveResourcesInfo().filter(name => name === 'UDPWrap').length
const before = openSockets()
afterEach(() => waitFor(() => openSockets() <= before, 'every socket to be closed'))

type Answer = (socket: Socket, datagram: Buffer, from: RemoteInfo) => void

interface Peer extends AsyncDisposable {
  readonly address: Address
  readonly received: readonly Buffer[]
}

/** Answers datagrams; with texts, each of them with all of these. */
async function peer(answer: Answer | readonly string[] = [], host = '127.0.0.1'): Promise<Peer> {
  const received: Buffer[] = []
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (datagram, from) => {
    received.push(datagram)
    if (typeof answer === 'function') answer(socket, datagram, from)
    else for (const text of answer) socket.send(Buffer.from(text, 'latin1'), from.port, from.address)
  })
  socket.bind(0, host)
  await once(socket, 'listening')
  return {
    address: { kind: 'tcp', host, port: socket.address().port },
    received,
    async [Symbol.asyncDispose]() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

/** Where datagrams are refused by ICMP. */
async function nobody(): Promise<Address> {
  await using there = await peer()
  return there.address
}

async function outcomeAt(address: Address, changes: Partial<ActiveCheckSnapshot> = {}): Promise<string> {
  const { outcome } = await checkOnce(openUdpProbe, address, { type: 'udp', ...changes })
  return `${outcome.passed ? 'passed' : 'failed'}: ${outcome.reason}`
}

async function outcome(answer: Answer | readonly string[], changes: Partial<ActiveCheckSnapshot> = {}) {
  await using there = await peer(answer)
  return await outcomeAt(there.address, changes)
}

const SHORT = { timeoutMs: 60 }
const PONG = { send: 'ping', expect: 'pong' }

/** A question for `.`, type NS, in the words of DNS, and the beginning of its answer: the same id, a response without error. */
const QUESTION = '\x2b\x67\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01'
const RESPONSE = '\x2b\x67\x81\x80'

describe('a check over UDP', () => {
  it('passes where one of the answers has in it what is expected', async () => {
    expect(await outcome(['pong'], PONG)).toBe('passed: answer matches')
    expect(await outcome(['xx pong xx'], PONG)).toBe('passed: answer matches')
    expect(await outcome(['no', 'never', '', 'pong', 'pong'], PONG)).toBe('passed: answer matches')
  })

  it('sends its bytes as one datagram, and asks as DNS does', async () => {
    const dns: Answer = (socket, datagram, from) => {
      const flags = Buffer.from([0x81, 0x80])
      socket.send([datagram.subarray(0, 2), flags, datagram.subarray(4)], from.port, from.address)
    }
    await using there = await peer(dns)
    expect(await outcomeAt(there.address, { send: QUESTION, expect: RESPONSE })).toBe('passed: answer matches')
    expect(there.received).toEqual([Buffer.from(QUESTION, 'latin1')])
    const servfail = { send: QUESTION, expect: '\x81\x82', ...SHORT }
    expect(await outcomeAt(there.address, servfail)).toBe('failed: answer does not match')
  })

  it('sends a datagram without bytes where none are written', async () => {
    await using there = await peer(['hello'])
    expect(await outcomeAt(there.address, { expect: 'hello' })).toBe('passed: answer matches')
    expect(there.received).toEqual([Buffer.alloc(0)])
  })

  it('fails where the right answer has not come in its time, and says whether others have', async () => {
    expect(await outcome([], { ...PONG, ...SHORT })).toBe('failed: timeout after 60ms')
    expect(await outcome(['ping'], { ...PONG, ...SHORT })).toBe('failed: answer does not match')
    expect(await outcome(['po', 'ng'], { ...PONG, ...SHORT })).toBe('failed: answer does not match')
  })

  it('does not listen to wrong answers without end', async () => {
    const many = Array.from({ length: 200 }, () => 'ping')
    expect(await outcome(many, { ...PONG, timeoutMs: 60_000 })).toBe('failed: answer does not match')
  })

  it('passes with any answer where nothing is expected', async () => {
    expect(await outcome(['whatever'], { send: 'ping' })).toBe('passed: answered')
    expect(await outcome([''])).toBe('passed: answered')
  })

  it('passes without an answer where nothing is expected, once its time is over', async () => {
    expect(await outcome([], { send: 'ping', ...SHORT })).toBe('passed: not refused')
  })

  it('fails where its datagram is refused, whether something is expected or not', async () => {
    expect(await outcomeAt(await nobody(), { send: 'ping' })).toBe('failed: ECONNREFUSED')
    expect(await outcomeAt(await nobody(), PONG)).toBe('failed: ECONNREFUSED')
    expect(await outcomeAt(await nobody())).toBe('failed: ECONNREFUSED')
  })

  it('fails where it cannot be sent, and says why', async () => {
    await using there = await peer()
    expect(await outcomeAt(there.address, { send: 'x'.repeat(65_508) })).toBe('failed: EMSGSIZE')
    expect(await outcomeAt({ kind: 'tcp', host: '255.255.255.255', port: 9 })).toMatch(
      /^failed: (?:EACCES|ENETUNREACH)$/,
    )
    expect(await outcomeAt({ kind: 'unix', path: '/run/a.sock' })).toBe('failed: a unix socket takes no datagrams')
    expect(await outcomeAt({ kind: 'tcp', host: '127.0.0.1', port: 0 })).toMatch(/^failed: /)
  })

  it('sends up to 65507 bytes', async () => {
    await using there = await peer(['pong'])
    expect(await outcomeAt(there.address, { send: 'x'.repeat(65_507), expect: 'pong' })).toBe('passed: answer matches')
    expect(there.received[0]?.length).toBe(65_507)
  })

  it('goes to addresses of IPv6, and to another port where it has one', async () => {
    await using there = await peer(['pong'])
    const { port } = there.address as Extract<Address, { kind: 'tcp' }>
    expect(await outcomeAt(await nobody(), { ...PONG, port })).toBe('passed: answer matches')
    if (!hasIpv6) return
    await using six = await peer(['pong'], '::1')
    expect(await outcomeAt(six.address, PONG)).toBe('passed: answer matches')
  })

  it('takes no answer from anybody else', async () => {
    const elsewhere: Answer = (_socket, _datagram, from) => {
      const other = createSocket('udp4')
      other.send('pong', from.port, from.address, () => other.close())
    }
    expect(await outcome(elsewhere, { ...PONG, ...SHORT })).toBe('failed: timeout after 60ms')
  })

  it('says in its datagram that nobody stands behind it, where the upstream is told of clients', async () => {
    await using there = await peer(['pong'])
    const sent = { version: 2, details: ['crc32c'] } as const
    const changes = { type: 'udp', ...PONG } as const
    const { outcome: found } = await checkOnce(openUdpProbe, there.address, changes, 'origin.test', null, sent)
    expect(found.reason).toBe('answer matches')
    const [datagram] = there.received as [Buffer]
    const parsed = parseProxyHeader(datagram)
    if (parsed.kind !== 'whole') throw new Error(parsed.kind)
    expect([parsed.header.source, datagram.toString('latin1', parsed.length)]).toEqual([null, 'ping'])
  })

  it('may be taken back at any moment, and nothing comes of it', async () => {
    await using there = await peer(['pong'])
    for (const [address, count] of [there.address, await nobody()].flatMap(to =>
      [0, 1, 2, 3, 4, 6].map(n => [to, n]),
    )) {
      const ends: unknown[] = []
      const probe = openUdpProbe(planCheck(checkSettings({ type: 'udp', ...PONG }), address as Address, 'a'), end =>
        ends.push(end),
      )
      for (let turn = 0; turn < (count as number); turn += 1) await new Promise(resolve => setImmediate(resolve))
      const ended = ends.length
      probe.cancel()
      probe.cancel()
      await turns()
      expect(ends.length).toBe(ended)
    }
  })
})

const hasIpv6 = Object.values(networkInterfaces()).some(entries => entries?.some(({ address }) => address === '::1'))
