import { afterEach, describe, expect, it } from 'vitest'
import type { ActiveCheckSnapshot, Address } from '../../../../engine/snapshot.ts'
import { planCheck } from '../../../../engine/upstream/health/check-probe.ts'
import { openTcpProbe } from '../../../../engine/upstream/health/check-tcp.ts'
import { blackhole } from '../../../support/blackhole.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { type Script, scriptedOrigin } from '../../../support/scripted-origin.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce, checkSettings, openConnections, sendForEver } from './checks.ts'

const before = openConnections()

afterEach(() => waitFor(() => openConnections() <= before, 'every connection to be closed'))

async function outcomeAt(address: Address, changes: Partial<ActiveCheckSnapshot> = {}): Promise<string> {
  const { outcome } = await checkOnce(openTcpProbe, address, { type: 'tcp', ...changes })
  return `${outcome.passed ? 'passed' : 'failed'}: ${outcome.reason}`
}

async function outcome(script: Script, changes: Partial<ActiveCheckSnapshot> = {}): Promise<string> {
  await using origin = await scriptedOrigin(script)
  const found = await outcomeAt(origin.address, changes)
  await waitFor(() => origin.connections.every(({ open }) => !open), 'the check to close its connection')
  expect(origin.takeFailures()).toEqual([])
  return found
}

const CLOSED = 'failed: connection closed before the answer was complete'

describe('a check over TCP', () => {
  it('passes where a connection can be opened, over unix sockets and on another port too', async () => {
    expect(await outcome(async () => {})).toBe('passed: connected')
    await using folder = await temporaryFolder()
    await using unix = await scriptedOrigin(async () => {}, { unixPath: folder.file('origin.sock') })
    expect(await outcomeAt(unix.address)).toBe('passed: connected')
    await using nobody = await refusingPort()
    await using somebody = await scriptedOrigin(async () => {})
    expect(await outcomeAt(nobody.address, { port: somebody.port })).toBe('passed: connected')
  })

  it('fails where it cannot, and says why', async () => {
    await using nobody = await refusingPort()
    expect(await outcomeAt(nobody.address)).toBe('failed: ECONNREFUSED')
    expect(await outcomeAt({ kind: 'unix', path: '/nowhere/origin.sock' })).toBe('failed: ENOENT')
    await using hole = await blackhole()
    expect(await outcomeAt(hole.address, { timeoutMs: 100 })).toBe('failed: timeout after 100ms')
  })

  it('sends bytes, and passes when they have been sent', async () => {
    await using origin = await scriptedOrigin(async () => {})
    expect(await outcomeAt(origin.address, { send: '\x00\x08\xd2/é' })).toBe('passed: sent')
    await waitFor(() => origin.connections[0]?.unread.length === 5, 'what was sent')
    expect([...origin.connections[0]!.unread]).toEqual([0x00, 0x08, 0xd2, 0x2f, 0xe9])
  })

  it('passes where the answer to what it sent contains what is expected', async () => {
    const redis: Script = async connection => {
      expect((await connection.expectBytes(6)).toString()).toBe('PING\r\n')
      await connection.send('+PONG\r\n')
    }
    expect(await outcome(redis, { send: 'PING\r\n', expect: 'PONG' })).toBe('passed: answer matches')
  })

  it('finds what is expected however the answer is cut', async () => {
    const greeting = 'a220 220a 220 \xffready\r\n'
    for (let cut = 1; cut < greeting.length; cut += 1) {
      const script: Script = connection => connection.sendSplit(greeting, [cut, cut + 1])
      expect(await outcome(script, { expect: '220 \xffready' })).toBe('passed: answer matches')
    }
  })

  it('fails where something else comes, and then the end', async () => {
    const script: Script = async connection => {
      await connection.send('421 too busy\r\n')
      connection.close()
    }
    expect(await outcome(script, { expect: '220 ' })).toBe(CLOSED)
  })

  it('fails where the connection is closed or reset with nothing said', async () => {
    expect(await outcome(async connection => connection.close(), { expect: '220 ' })).toBe(CLOSED)
    expect(await outcome(async connection => connection.reset(), { expect: '220 ' })).toMatch(
      /^failed: (?:ECONNRESET|conn)/,
    )
  })

  it('fails by the timeout where too little comes', async () => {
    const script: Script = connection => connection.send('22')
    expect(await outcome(script, { expect: '220 ', timeoutMs: 100 })).toBe('failed: timeout after 100ms')
  })

  it('looks for it in the first 64 KiB, and no further', async () => {
    const behind =
      (bytes: number): Script =>
      connection =>
        connection.send(`${'x'.repeat(bytes)}220 `)
    expect(await outcome(behind(65_532), { expect: '220 ' })).toBe('passed: answer matches')
    expect(await outcome(behind(65_533), { expect: '220 ' })).toBe('failed: answer does not match')
    const forEver: Script = connection => sendForEver(connection, 'y'.repeat(10_000))
    expect(await outcome(forEver, { expect: '220 ' })).toBe('failed: answer does not match')
  })

  it('that is cancelled leaves nothing and says nothing', async () => {
    await using origin = await scriptedOrigin(async () => {})
    const told: string[] = []
    const plan = planCheck(checkSettings({ type: 'tcp', expect: 'x' }), origin.address, 'origin.test')
    openTcpProbe(plan, ({ reason }) => told.push(reason)).cancel()
    const second = openTcpProbe(plan, ({ reason }) => told.push(reason))
    await waitFor(() => origin.connections.some(({ open }) => open), 'a connection')
    second.cancel()
    await waitFor(() => origin.connections.every(({ open }) => !open), 'it to close')
    expect(told).toEqual([])
  })
})

describe('the settings of a check', () => {
  const address: Address = { kind: 'tcp', host: '127.0.0.1', port: 80 }

  it('are refused where content is no regular expression', () => {
    expect(() => planCheck(checkSettings({ content: '(' }), address, 'a')).toThrow(SyntaxError)
  })

  it('are refused where text to send or expect has characters that are no bytes', () => {
    expect(() => planCheck(checkSettings({ send: 'a€' }), address, 'a')).toThrow(
      /^send: each character stands for one byte/,
    )
    expect(() => planCheck(checkSettings({ expect: '\u{1f600}' }), address, 'a')).toThrow(RangeError)
  })

  it.each([
    ['api.internal', 'api.internal'],
    ['api.internal:3000', 'api.internal'],
    ['10.0.0.1:3000', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['[::1]:3000', '::1'],
    ['[::1]', '::1'],
    ['::1', '::1'],
  ])('take the name of a certificate from the host %s: %s', (host, name) => {
    expect(planCheck(checkSettings(), address, host)).toMatchObject({ host, serverName: name })
  })
})
