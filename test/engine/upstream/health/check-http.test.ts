import { afterEach, describe, expect, it } from 'vitest'
import type { ActiveCheckSnapshot } from '../../../../engine/snapshot.ts'
import { openHttpProbe } from '../../../../engine/upstream/health/check-http.ts'
import { planCheck } from '../../../../engine/upstream/health/check-probe.ts'
import { type Bytes, toBuffer } from '../../../support/bytes.ts'
import { chunk, head, ok } from '../../../support/heads.ts'
import { refusingPort } from '../../../support/refusing-port.ts'
import { type Script, type ScriptedOrigin, scriptedOrigin } from '../../../support/scripted-origin.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { checkOnce, checkSettings, openConnections, sendForEver } from './checks.ts'

const before = openConnections()

afterEach(() => waitFor(() => openConnections() <= before, 'every connection to be closed'))

/** Reads the request and plays the rest. */
function answering(script: Script): Promise<ScriptedOrigin> {
  return scriptedOrigin(async connection => {
    await connection.expectHead()
    await script(connection)
  })
}

function sending(bytes: Bytes): Promise<ScriptedOrigin> {
  return answering(connection => connection.send(bytes))
}

async function outcomeOf(origin: ScriptedOrigin, changes: Partial<ActiveCheckSnapshot> = {}): Promise<string> {
  const { outcome } = await checkOnce(openHttpProbe, origin.address, changes)
  await waitFor(() => origin.connections.every(({ open }) => !open), 'the check to close its connection')
  expect(origin.takeFailures()).toEqual([])
  return `${outcome.passed ? 'passed' : 'failed'}: ${outcome.reason}`
}

async function outcome(bytes: Bytes, changes: Partial<ActiveCheckSnapshot> = {}): Promise<string> {
  await using origin = await sending(bytes)
  return await outcomeOf(origin, changes)
}

async function requestOf(changes: Partial<ActiveCheckSnapshot>): Promise<string> {
  await using origin = await scriptedOrigin(async connection => {
    await waitFor(() => connection.unread.includes('\r\n\r\n'), 'a request head')
    await connection.send(ok(''))
  })
  await checkOnce(openHttpProbe, origin.address, changes)
  return origin.connections[0]!.unread.toString('latin1')
}

describe('a check over HTTP', () => {
  it('sends one request and asks for the connection to be closed', async () => {
    expect(await requestOf({ path: '/healthz?deep=1' })).toBe(
      head('GET /healthz?deep=1 HTTP/1.1', 'Host: origin.test', 'User-Agent: sluice-check', 'Connection: close'),
    )
  })

  it('sends the method, host and fields of the configuration, which take the place of its own', async () => {
    const fields = [
      ['X-Probe', 'a'],
      ['X-Probe', 'b'],
      ['user-agent', 'mine'],
    ] as const
    expect(await requestOf({ method: 'HEAD', host: 'api.example', fields })).toBe(
      head('HEAD / HTTP/1.1', 'Host: api.example', 'Connection: close', 'X-Probe: a', 'X-Probe: b', 'user-agent: mine'),
    )
  })

  it('announces that there is no content where the method leads to expect some', async () => {
    expect(await requestOf({ method: 'POST' })).toContain('\r\nContent-Length: 0\r\n')
  })

  it.each([
    ['a 200', ok('fine'), 'passed: status 200'],
    ['a 204 without content', head('HTTP/1.1 204 No Content'), 'passed: status 204'],
    ['chunks', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('fine') + chunk(''), 'passed: status 200'],
    ['a 503', head('HTTP/1.1 503 Busy', 'Content-Length: 0'), 'failed: status 503'],
    ['a 503 whose content never comes', head('HTTP/1.1 503 Busy', 'Content-Length: 9'), 'failed: status 503'],
    ['a redirect', head('HTTP/1.1 302 Found', 'Location: /x', 'Content-Length: 0'), 'passed: status 302'],
    ['100 and then 200', head('HTTP/1.1 100 Continue') + ok('fine'), 'passed: status 200'],
    [
      '103 and then 500',
      head('HTTP/1.1 103 Hints') + head('HTTP/1.1 500 X', 'Content-Length: 0'),
      'failed: status 500',
    ],
    ['101 that nobody asked for', head('HTTP/1.1 101 Switching Protocols', 'Upgrade: x'), 'failed: status 101'],
  ])('judges %s by its status', async (_, bytes, expected) => {
    expect(await outcome(bytes)).toBe(expected)
  })

  it('takes the statuses of the configuration, both ends of each range', async () => {
    const statuses = [
      [200, 204],
      [418, 418],
    ] as const
    const found = [200, 204, 205, 302, 418].map(status =>
      outcome(head(`HTTP/1.1 ${status} X`, 'Content-Length: 0'), { statuses }),
    )
    expect((await Promise.all(found)).map(text => text.slice(0, 6))).toEqual([
      'passed',
      'passed',
      'failed',
      'failed',
      'passed',
    ])
  })

  it('passes by the status of an upgrade that it asked for', async () => {
    const fields = [
      ['Connection', 'Upgrade'],
      ['Upgrade', 'websocket'],
    ] as const
    const answer = head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket')
    expect(await outcome(`${answer}\x81\x02hi`, { fields, statuses: [[101, 101]] })).toBe('passed: status 101')
  })

  it('takes the end of the connection for the end of content without a length', async () => {
    await using origin = await answering(async connection => {
      await connection.send(`${head('HTTP/1.0 200 OK')}all is well`)
      connection.close()
    })
    expect(await outcomeOf(origin, { content: 'all is well$' })).toBe('passed: status 200')
  })

  it('matches content by a regular expression, as UTF-8', async () => {
    const content = toBuffer(ok('Zustand: \xc3\xbcbel\n'))
    expect(await outcome(content, { content: '^Zustand: übel$' })).toBe('failed: content does not match')
    expect(await outcome(content, { content: '^Zustand: .bel\\n$' })).toBe('passed: status 200')
    expect(await outcome(ok(''), { content: 'x' })).toBe('failed: content does not match')
  })

  it('reads 64 KiB of endless content, and judges by them', async () => {
    const endless = () =>
      answering(async connection => {
        await connection.send(`${head('HTTP/1.1 200 OK')}first`)
        await sendForEver(connection, 'x'.repeat(16_000))
      })
    await using origin = await endless()
    expect(await outcomeOf(origin)).toBe('passed: status 200')
    expect(await outcomeOf(origin, { content: '^firstx{65531}$' })).toBe('passed: status 200')
    expect(await outcomeOf(origin, { content: 'last' })).toBe('failed: content does not match')
  })

  it('goes over a unix socket, and to another port', async () => {
    await using folder = await temporaryFolder()
    const script: Script = async connection => {
      await connection.expectHead()
      await connection.send(ok(''))
    }
    await using origin = await scriptedOrigin(script, { unixPath: folder.file('origin.sock') })
    // Unix sockets have no ports.
    expect(await outcomeOf(origin, { port: 7 })).toBe('passed: status 200')
    await using nobody = await refusingPort()
    await using somebody = await sending(ok(''))
    const { outcome: found } = await checkOnce(openHttpProbe, nobody.address, { port: somebody.port })
    expect(found).toEqual({ passed: true, reason: 'status 200' })
  })

  it('names what the system says of a connection that cannot be opened', async () => {
    await using nobody = await refusingPort()
    const refused = await checkOnce(openHttpProbe, nobody.address)
    expect(refused.outcome).toEqual({ passed: false, reason: 'ECONNREFUSED' })
    const missing = await checkOnce(openHttpProbe, { kind: 'unix', path: '/nowhere/origin.sock' })
    expect(missing.outcome).toEqual({ passed: false, reason: 'ENOENT' })
  })

  it('fails where it cannot be sent, and says why', async () => {
    await using origin = await scriptedOrigin(async () => {})
    expect(await outcomeOf(origin, { path: '/a b' })).toMatch(/^failed: .*path/)
    expect(await outcomeOf(origin, { fields: [['a:b', 'c']] })).toMatch(/^failed: .*a:b/)
    expect(await outcomeOf(origin, { method: 'GE T' })).toMatch(/^failed: .*GE T/)
  })

  it('does not say the outcome before it has been begun', async () => {
    await using nobody = await refusingPort()
    let isBegun = false
    const plan = planCheck(checkSettings({ path: '/a b' }), nobody.address, 'origin.test')
    const ended = new Promise<boolean>(resolve => openHttpProbe(plan, () => resolve(isBegun)))
    isBegun = true
    expect(await ended).toBe(true)
  })

  it('that is cancelled leaves nothing and says nothing, whatever it was doing', async () => {
    await using origin = await answering(connection => connection.send(head('HTTP/1.1 200 OK', 'Content-Length: 9')))
    const plan = planCheck(checkSettings({ content: 'x' }), origin.address, 'origin.test')
    const told: string[] = []
    openHttpProbe(plan, ({ reason }) => told.push(reason)).cancel()
    const second = openHttpProbe(plan, ({ reason }) => told.push(reason))
    await waitFor(() => origin.connections.some(({ unread, open }) => open && unread.length === 0), 'a connection')
    second.cancel()
    second.cancel()
    const { outcome: last } = await checkOnce(openHttpProbe, origin.address, { timeoutMs: 50 })
    expect(last.reason).toBe('timeout after 50ms')
    expect(told).toEqual([])
  })
})

describe('a check over HTTP of an origin that misbehaves', () => {
  const silent = { timeoutMs: 120 }

  it.each<[string, Bytes, RegExp]>([
    ['bytes behind the response', `${ok('fine')}and more`, /^malformed response/],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', /^malformed response \(HPE_/],
    [
      'random bytes',
      Buffer.from(Array.from({ length: 2_000 }, (_, at) => (at * 197 + 13) % 256)),
      /^malformed response/,
    ],
    ['a line without a status', 'HTTP/1.1 fine\r\n\r\n', /^malformed response/],
    ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x46', /^malformed response/],
    ['two framings', head('HTTP/1.1 200 OK', 'Content-Length: 3', 'Transfer-Encoding: chunked'), /^malformed response/],
    ['two lengths', head('HTTP/1.1 200 OK', 'Content-Length: 3', 'Content-Length: 4'), /^malformed response/],
    ['a length that is none', head('HTTP/1.1 200 OK', 'Content-Length: many'), /^malformed response/],
    ['chunks without sizes', `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}zz\r\n`, /^malformed response/],
    [
      'a chunk longer than its size',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}1\r\nabc\r\n`,
      /^malformed/,
    ],
  ])('fails on %s', async (_, bytes, reason) => {
    expect(await outcome(bytes)).toMatch(new RegExp(`^failed: ${reason.source.slice(1)}`))
  })

  it.each<[string, string, string]>([
    ['a head', 'HTTP/1.1 200 OK\r\n', `X-More: ${'x'.repeat(1_000)}\r\n`],
    ['one field line', 'HTTP/1.1 200 OK\r\nX-More: ', 'x'.repeat(1_000)],
    ['a reason phrase', 'HTTP/1.1 200 ', 'x'.repeat(1_000)],
    ['interim responses', '', head('HTTP/1.1 103 Early Hints', 'Link: </x>')],
    ['a chunk extension', `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}1;`, `a=${'x'.repeat(1_000)};`],
    [
      'a trailer section',
      `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}0\r\n`,
      `X-More: ${'x'.repeat(1_000)}\r\n`,
    ],
  ])('fails on %s without an end, long before the timeout', async (_, beginning, more) => {
    await using origin = await answering(async connection => {
      await connection.send(beginning)
      await sendForEver(connection, more)
    })
    expect(await outcomeOf(origin)).toMatch(
      /^failed: (?:response head or trailer section too long|more than 16 interim responses|malformed response)/,
    )
  })

  it.each<[string, string]>([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['half the content', head('HTTP/1.1 200 OK', 'Content-Length: 10') + 'half'.slice(0, 4)],
    ['content without an end', `${head('HTTP/1.1 200 OK')}some`],
    ['a chunk and no more', head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunk('some')],
    ['100 Continue', head('HTTP/1.1 100 Continue')],
    ['interim responses', head('HTTP/1.1 102 Processing') + head('HTTP/1.1 103 Early Hints')],
  ])('fails by the timeout where %s is followed by silence', async (_, bytes) => {
    expect(await outcome(bytes, silent)).toBe('failed: timeout after 120ms')
  })

  const CLOSED = 'failed: connection closed before the answer was complete'

  it.each<[string, string]>([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['half the content', `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`],
    ['half a chunk', `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')}9\r\nhalf`],
    ['100 Continue', head('HTTP/1.1 100 Continue')],
  ])('fails where the connection is closed after %s', async (_, bytes) => {
    await using origin = await answering(async connection => {
      await connection.send(bytes)
      connection.close()
    })
    expect(await outcomeOf(origin)).toBe(CLOSED)
  })

  it.each<[string, string]>([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['half the content', `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}half`],
    ['content without a length', `${head('HTTP/1.1 200 OK')}some`],
  ])('fails where the connection is reset after %s', async (_, bytes) => {
    await using origin = await answering(async connection => {
      await connection.send(bytes)
      connection.reset()
    })
    expect(await outcomeOf(origin)).toMatch(/^failed: (?:ECONNRESET|connection closed before the answer was complete)$/)
  })

  it('fails where the connection is closed or reset as it opens', async () => {
    for (const end of ['close', 'reset'] as const) {
      await using origin = await scriptedOrigin(async connection => connection[end]())
      expect(await outcomeOf(origin)).toMatch(/^failed: (?:ECONNRESET|EPIPE|connection closed before)/)
    }
  })
})
