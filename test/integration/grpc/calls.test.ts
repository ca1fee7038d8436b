import { type Client, Metadata, status as STATUS } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { UpstreamTlsSnapshot } from '../../../engine/snapshot.ts'
import { atRest } from '../../support/at-rest.ts'
import { createAuthority } from '../../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { waitFor } from '../../support/wait-for.ts'
import { byName, FORGIVING } from '../upstream/scene.ts'
import { each, many, one, sum } from './calls.ts'
import { type EchoServer, echoClient, echoServer } from './echo-service.ts'

const MESSAGES = 1000

let server: EchoServer
let proxy: InstrumentedProxy
let client: Client
const dead = await refusingPort()

function localhost(port: number) {
  return { kind: 'tcp', host: '127.0.0.1', port } as const
}

beforeAll(async () => {
  server = await echoServer()
  const endpoints = [{ address: localhost(server.port), name: 'a' }]
  proxy = await startInstrumentedProxy({
    upstreams: {
      echo: { endpoints, protocol: 'h2c', ...FORGIVING },
      dead: { endpoints: [{ address: dead.address, name: 'dead' }], protocol: 'h2c', ...FORGIVING },
    },
    routes: [
      {
        name: 'echo',
        to: 'echo',
        match: { path: { kind: 'prefix', path: '/test.Echo/' }, conditions: [{ kind: 'grpc' }] },
      },
      { name: 'dead', to: 'dead', match: { path: { kind: 'prefix', path: '/test.Dead/' } } },
    ],
  })
  client = echoClient(proxy.port)
})
afterEach(() => server.behave({}))
afterAll(async () => {
  client.close()
  await proxy.stop()
  await server[Symbol.asyncDispose]()
  await dead.close()
})

const text = (bytes: Buffer | undefined) => bytes?.toString()

describe('calls of gRPC', () => {
  it('with one message and one answer, a thousand of them, each get theirs', async () => {
    const calls = Array.from({ length: MESSAGES }, (_, index) => one(client, Buffer.from(`message ${index}`)).ended)
    const ends = await Promise.all(calls)
    expect(ends.filter(({ status }) => status.code !== STATUS.OK)).toEqual([])
    expect(ends.map(({ messages }) => text(messages[0]))).toEqual(ends.map((_, index) => `message ${index}`))
  })

  it('with a thousand messages and one answer', async () => {
    const messages = Array.from({ length: MESSAGES }, (_, index) => Buffer.alloc(index, 'a'))
    const { status, messages: answers } = await sum(client, messages)
    expect(status.code).toBe(STATUS.OK)
    expect(text(answers[0])).toBe(`${MESSAGES} ${(MESSAGES * (MESSAGES - 1)) / 2}`)
  })

  it('with one message and a thousand answers', async () => {
    const { status, messages } = await many(client, Buffer.from(String(MESSAGES))).ended
    expect(status.code).toBe(STATUS.OK)
    expect(messages.map(text)).toEqual(Array.from({ length: MESSAGES }, (_, index) => String(index)))
  })

  it('with a thousand messages each way', async () => {
    const call = each(client)
    for (let index = 0; index < MESSAGES; index += 1) await call.send(Buffer.alloc(200, String(index)))
    call.end()
    const { status, messages } = await call.ended
    expect(status.code).toBe(STATUS.OK)
    expect(messages).toHaveLength(MESSAGES)
    expect(messages.at(-1)?.equals(Buffer.alloc(200, String(MESSAGES - 1)))).toBe(true)
  })

  it('in which each waits for the other go on message by message', async () => {
    const call = each(client)
    for (let index = 0; index < 20; index += 1) {
      await call.send(Buffer.from(String(index)))
      await waitFor(() => call.messages.length === index + 1 || null, 'the answer')
    }
    call.end()
    expect((await call.ended).status.code).toBe(STATUS.OK)
  })

  it('carry messages of 20 MB both ways', async () => {
    const message = Buffer.alloc(20 * 1024 * 1024, 'abcdefghijklm')
    const { status, messages } = await one(client, message).ended
    expect(status.code).toBe(STATUS.OK)
    expect(messages[0]?.equals(message)).toBe(true)
  })

  it('whose client reads nothing stop their server, until it reads again', async () => {
    const [count, message] = [300, Buffer.alloc(128 * 1024, 'a')]
    let written = 0
    server.behave({
      many: call => {
        const write = () => {
          while (written < count) {
            written += 1
            if (!call.write(message)) {
              call.once('drain', write)
              return
            }
          }
          call.end()
        }
        write()
      },
    })
    const call = many(client, Buffer.alloc(0))
    await waitFor(() => call.messages.length > 0 || null, 'the first message')
    call.pause()
    await atRest(() => written)
    expect(written).toBeLessThan(count)
    call.resume()
    const { status, messages } = await call.ended
    expect([status.code, messages.length]).toEqual([STATUS.OK, count])
  })

  it('carry metadata in the head, in both directions, and in the trailers, bytes too', async () => {
    const bytes = Buffer.from([0, 1, 0xff, 0x80])
    const asked: (Metadata | null)[] = []
    server.behave({
      one: (call, respond) => {
        asked.push(call.metadata)
        const initial = new Metadata()
        initial.set('x-head', 'first')
        initial.set('x-head-bin', bytes)
        call.sendMetadata(initial)
        const trailing = new Metadata()
        trailing.add('x-tail', 'a')
        trailing.add('x-tail', 'b')
        trailing.set('x-tail-bin', bytes)
        respond(null, call.request, trailing)
      },
    })
    const metadata = new Metadata()
    metadata.set('x-mine', 'me')
    metadata.set('x-mine-bin', bytes)
    const end = await one(client, Buffer.from('hi'), { metadata }).ended
    expect(asked[0]?.get('x-mine')).toEqual(['me'])
    expect(asked[0]?.get('x-mine-bin')).toEqual([bytes])
    expect(end.metadata?.get('x-head')).toEqual(['first'])
    expect(end.metadata?.get('x-head-bin')).toEqual([bytes])
    expect(end.status.metadata.get('x-tail').join(', ')).toBe('a, b')
    expect(end.status.metadata.get('x-tail-bin')).toEqual([bytes])
  })
})

describe('the status of a call', () => {
  it.each([1, 2, 3, 5, 7, 8, 11, 13, 14, 16])('is what the server says: %i', async code => {
    server.behave({ one: (_, respond) => respond({ code, details: 'Grüße: 100%' }) })
    const { status } = await one(client, Buffer.alloc(0)).ended
    expect([status.code, status.details]).toEqual([code, 'Grüße: 100%'])
  })

  it('comes behind messages, too', async () => {
    server.behave({
      many: call => {
        call.write(Buffer.from('first'))
        call.emit('error', { code: STATUS.DATA_LOSS, details: 'no more' })
      },
    })
    const { status, messages } = await many(client, Buffer.alloc(0)).ended
    expect(messages.map(text)).toEqual(['first'])
    expect([status.code, status.details]).toEqual([STATUS.DATA_LOSS, 'no more'])
  })

  it('tells of the errors of the proxy', async () => {
    const pathOf = async (path: string) => {
      const same = (bytes: Buffer) => bytes
      return await new Promise<number | undefined>(resolve => {
        client.makeUnaryRequest(path, same, same, Buffer.alloc(0), error => resolve(error?.code))
      })
    }
    expect(await pathOf('/test.Nobody/One')).toBe(STATUS.UNIMPLEMENTED)
    expect(await pathOf('/test.Dead/One')).toBe(STATUS.UNAVAILABLE)
  })
})

describe('the end of a call', () => {
  it('by its client reaches the server at once', async () => {
    let isCancelled = false
    server.behave({
      many: call => {
        call.on('cancelled', () => {
          isCancelled = true
        })
        call.write(Buffer.from('first'))
      },
    })
    const call = many(client, Buffer.alloc(0))
    await waitFor(() => call.messages.length === 1 || null, 'the first message')
    call.cancel()
    expect((await call.ended).status.code).toBe(STATUS.CANCELLED)
    await waitFor(() => isCancelled || null, 'the server to hear of it')
  })

  it('by its client before anything has come reaches the server, too', async () => {
    let [begun, isCancelled] = [false, false]
    server.behave({
      one: call => {
        begun = true
        call.on('cancelled', () => {
          isCancelled = true
        })
      },
    })
    const call = one(client, Buffer.from('hi'))
    await waitFor(() => begun || null, 'the call to begin')
    call.cancel()
    expect((await call.ended).status.code).toBe(STATUS.CANCELLED)
    await waitFor(() => isCancelled || null, 'the server to hear of it')
  })

  it('by its server while the client still sends is told at once', async () => {
    server.behave({ each: call => call.emit('error', { code: STATUS.ABORTED, details: 'enough' }) })
    const call = each(client)
    await call.send(Buffer.from('hi'))
    const { status } = await call.ended
    expect([status.code, status.details]).toEqual([STATUS.ABORTED, 'enough'])
  })

  it('by its deadline ends it on both sides', async () => {
    let isCancelled = false
    server.behave({
      one: call => {
        call.on('cancelled', () => {
          isCancelled = true
        })
      },
    })
    const { status } = await one(client, Buffer.from('hi'), { options: { deadline: Date.now() + 150 } }).ended
    expect(status.code).toBe(STATUS.DEADLINE_EXCEEDED)
    await waitFor(() => isCancelled || null, 'the server to hear of it')
  })

  it('by the death of its server does not hang the client, and the next call goes to another connection', async () => {
    await using mortal = await echoServer()
    await using other = await startInstrumentedProxy({
      upstreams: { a: { endpoints: [localhost(mortal.port)], protocol: 'h2c', ...FORGIVING } },
    })
    mortal.behave({ many: call => void call.write(Buffer.from('first')) })
    const second = echoClient(other.port)
    const call = many(second, Buffer.alloc(0))
    await waitFor(() => call.messages.length === 1 || null, 'the first message')
    mortal.kill()
    const { status } = await call.ended
    expect([STATUS.UNAVAILABLE, STATUS.INTERNAL, STATUS.CANCELLED, STATUS.UNKNOWN]).toContain(status.code)
    expect((await one(second, Buffer.from('hi')).ended).status.code).toBe(STATUS.UNAVAILABLE)
    second.close()
  })
})

describe('calls over TLS', () => {
  it('work on both sides', async () => {
    const authority = await createAuthority()
    const { chain, key } = await authority.issue()
    await using secured = await echoServer({ chain, key })
    const tls: UpstreamTlsSnapshot = {
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      ciphers: '',
      curves: 'auto',
      serverName: 'localhost',
      ca: authority.certificate,
      crl: '',
      verify: true,
      pins: [],
      chain: '',
      key: '',
      resumes: true,
    }
    const certificate = { chain, key, names: ['localhost'], keyType: 'ecdsa', ocsp: null } as const
    await using other = await startInstrumentedProxy({
      listeners: [
        {
          tls: {
            minVersion: 'TLSv1.2',
            maxVersion: 'TLSv1.3',
            ciphers: '',
            curves: 'auto',
            certificates: [certificate],
            alpn: ['h2', 'http/1.1'],
            clientAuth: { mode: 'none', ca: '', crl: '', forward: 'none' },
            handshakeMs: 10_000,
            handshakesMax: 100,
            tickets: true,
            strictNames: false,
          },
        },
      ],
      ...byName({ secured: { endpoints: [localhost(secured.port)], protocol: 'h2', tls, ...FORGIVING } }),
      routes: [{ to: 'secured' }],
    })
    const second = echoClient(other.port, authority.certificate)
    const ends = await Promise.all(Array.from({ length: 50 }, () => one(second, Buffer.from('hi')).ended))
    expect(ends.map(({ status, messages }) => [status.code, text(messages[0])])).toEqual(ends.map(() => [0, 'hi']))
    const call = each(second)
    for (let index = 0; index < 50; index += 1) await call.send(Buffer.alloc(10_000, 'a'))
    call.end()
    expect((await call.ended).messages).toHaveLength(50)
    second.close()
  })
})
