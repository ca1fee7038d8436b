import { Metadata, type ServerOptions } from '@grpc/grpc-js'
import { beforeAll, describe, expect, it } from 'vitest'
import { one } from '../integration/grpc/calls.ts'
import { type EchoServer, echoClient, echoServer } from '../integration/grpc/echo-service.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { certificateSnapshot, listenerTls } from '../support/tls.ts'

/** Servers of gRPC that end their connections by themselves, or take few calls at once, and clients that ask whether we are there. */

const CALLERS = 10
const LOAD_MS = 2_500

let authority: TestAuthority
let certificate: TestCertificate

beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue()
})

interface Scene extends AsyncDisposable {
  readonly origin: EchoServer
  readonly proxy: InstrumentedProxy
}

async function open(options: ServerOptions): Promise<Scene> {
  const origin = await echoServer(undefined, options)
  const endpoints = [{ kind: 'tcp', host: '127.0.0.1', port: origin.port } as const]
  const proxy = await startInstrumentedProxy({
    workers: 2,
    listeners: [{ tls: listenerTls({ certificates: [certificateSnapshot(certificate)], alpn: ['h2', 'http/1.1'] }) }],
    upstreams: { echo: { endpoints, protocol: 'h2c' } },
  })
  return {
    origin,
    proxy,
    async [Symbol.asyncDispose]() {
      await proxy.stop()
      await origin[Symbol.asyncDispose]()
    },
  }
}

describe('a call', () => {
  it.each([
    ['ends its connections after half a second', { 'grpc.max_connection_age_ms': 500 }],
    ['takes five calls at once', { 'grpc.max_concurrent_streams': 5 }],
  ])('never fails because its server %s', { timeout: 20_000 }, async (_, options) => {
    await using scene = await open(options)
    const client = echoClient(scene.proxy.port, authority.certificate)
    const codes = new Map<number, number>()
    const endsAt = performance.now() + LOAD_MS
    const call = async () => {
      while (performance.now() < endsAt) {
        const { status } = await one(client, Buffer.from('ask')).ended
        codes.set(status.code, (codes.get(status.code) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: CALLERS }, call))
    client.close()
    expect([...codes.keys()]).toEqual([0])
    expect(codes.get(0)).toBeGreaterThan(CALLERS)
  })

  it('bears a client that asks every second whether anybody is there', { timeout: 20_000 }, async () => {
    await using scene = await open({})
    scene.origin.behave({
      one: (call, respond) => {
        setTimeout(() => respond(null, call.request), 4_000)
      },
    })
    const client = echoClient(scene.proxy.port, authority.certificate, {
      'grpc.keepalive_time_ms': 1_000,
      'grpc.keepalive_timeout_ms': 2_000,
    })
    const { status, messages } = await one(client, Buffer.from('ask')).ended
    client.close()
    expect([status.code, messages.map(String)]).toEqual([0, ['ask']])
  })

  it('may have 8 KiB of metadata, there and back', async () => {
    await using scene = await open({})
    scene.origin.behave({
      one: (call, respond) => {
        call.sendMetadata(call.metadata)
        respond(null, call.request)
      },
    })
    const client = echoClient(scene.proxy.port, authority.certificate)
    const metadata = new Metadata()
    metadata.set('x-large', 'm'.repeat(8_192))
    const end = await one(client, Buffer.from('ask'), { metadata }).ended
    client.close()
    expect([end.status.code, end.metadata?.get('x-large')]).toEqual([0, ['m'.repeat(8_192)]])
  })
})
