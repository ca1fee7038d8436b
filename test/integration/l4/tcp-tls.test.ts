import { once } from 'node:events'
import type { Server } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TLSSocket } from 'node:tls'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { FLOWS_ACTIVE } from '../../../engine/shared/state-page.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../support/certificates.ts'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { certificateSnapshot, listenerTls, upstreamTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'
import { belowTls, FlowEnd, type FlowOrigin, flowClient, flowOrigin, flowOriginOn, refusedClient } from './flow-ends.ts'

/** Flows that are decrypted here, encrypted here, or both. */

let authority: TestAuthority
let certificate: TestCertificate
/** Of the last test. */
let origin: FlowOrigin
let proxy: SameThreadProxy

beforeAll(async () => {
  authority = await createAuthority()
  certificate = await authority.issue({ names: ['localhost', 'db.example'] })
})

afterEach(async () => {
  await waitFor(() => proxy.page.counter(FLOWS_ACTIVE) === 0, 'the end of all flows')
  expect(proxy.page.inFlight(0)).toBe(0)
  await proxy.stop()
  await origin.close()
})

interface Wanted {
  readonly isDecrypted: boolean
  readonly isEncrypted: boolean
  readonly alpn?: readonly string[]
  readonly serverName?: string
}

async function start({ isDecrypted, isEncrypted, alpn = [], serverName = 'db.example' }: Wanted): Promise<void> {
  const { chain: cert, key } = certificate
  const secure = () => {
    const options = { cert, key, ALPNProtocols: ['pg', 'h2'], allowHalfOpen: true, noDelay: true }
    return flowOriginOn(createServer(options) as unknown as Server, 'secureConnection')
  }
  origin = await (isEncrypted ? secure() : flowOrigin())
  const tls = listenerTls({ certificates: [certificateSnapshot(certificate)], alpn })
  proxy = await startSameThreadProxy({
    tcpListeners: [{ tls: isDecrypted ? tls : null }],
    upstreams: {
      a: {
        endpoints: [origin.address],
        tls: isEncrypted ? upstreamTls({ ca: authority.certificate, serverName }) : null,
      },
    },
  })
}

async function secureClient(options: ConnectionOptions = {}): Promise<FlowEnd & { readonly socket: TLSSocket }> {
  const socket = connect({
    port: proxy.port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: authority.certificate,
    allowHalfOpen: true,
    ...options,
  } as ConnectionOptions)
  const end = new FlowEnd(socket)
  await once(socket, 'secureConnect')
  return end as FlowEnd & { readonly socket: TLSSocket }
}

const flow = (index = 0) => waitFor(() => proxy.flows[index], 'a flow to end')

describe.each([
  ['decrypted', true, false],
  ['encrypted', false, true],
  ['decrypted, and encrypted again,', true, true],
])('a flow that is %s', (_, isDecrypted, isEncrypted) => {
  const openClient = () => (isDecrypted ? secureClient() : flowClient(proxy.port))

  it('carries both directions, and the end of either', async () => {
    await start({ isDecrypted, isEncrypted })
    const client = await openClient()
    await client.send('hello')
    const server = await origin.end(0)
    await server.text('hello')
    client.end(' and bye')
    await server.fin()
    await server.text('hello and bye')
    server.end('still here')
    await client.fin()
    await client.text('still here')
    const tls = isDecrypted ? { serverName: 'localhost', tlsVersion: 'TLSv1.3' } : { serverName: '', tlsVersion: '' }
    expect(await flow()).toMatchObject({ error: '', bytesIn: 13, bytesOut: 10, ...tls })
  })

  it('is reset on one side where the other is', async () => {
    await start({ isDecrypted, isEncrypted })
    for (const who of ['client', 'server'] as const) {
      const index = proxy.flows.length
      const ends = { client: await openClient(), server: await origin.end(index) }
      await ends.client.send('a')
      await ends.server.text('a')
      const other = who === 'client' ? ends.server : ends.client
      ends[who].sendReset()
      await other.reset()
      expect(await flow(index)).toMatchObject({ error: who === 'client' ? 'client_closed' : 'upstream_closed' })
    }
  })

  it('carries more than anybody holds, unchanged', async () => {
    await start({ isDecrypted, isEncrypted })
    const content = Buffer.alloc(4 * 1024 * 1024)
    for (let at = 0; at < content.length; at += 4) content.writeUInt32LE(at, at)
    const client = await openClient()
    const server = await origin.end(0)
    client.end(content)
    server.end(content)
    await Promise.all([client.fin(), server.fin()])
    expect(client.received.equals(content) && server.received.equals(content)).toBe(true)
    expect(await flow()).toMatchObject({ error: '', bytesIn: content.length, bytesOut: content.length })
  })
})

describe('a flow that is decrypted', () => {
  it('ends quietly where the client has closed without announcing it', async () => {
    await start({ isDecrypted: true, isEncrypted: false })
    const client = await secureClient()
    await client.send('SET a 1')
    const server = await origin.end(0)
    await server.text('SET a 1')
    belowTls(client.socket)?.close()
    await server.fin()
    expect(server.error).toBe('')
    server.end()
    expect(await flow()).toMatchObject({ error: 'client_closed', errorDetail: 'ERR_SSL_UNEXPECTED_EOF' })
  })

  it('takes what was agreed on with the client to the endpoint', async () => {
    await start({ isDecrypted: true, isEncrypted: true, alpn: ['pg', 'other'] })
    const client = await secureClient({ ALPNProtocols: ['other', 'pg'] })
    const server = await origin.end(0)
    expect(client.socket.alpnProtocol).toBe('pg')
    expect((server.socket as TLSSocket).alpnProtocol).toBe('pg')
    client.end()
    server.end()
    await flow()
  })

  it('offers the endpoint nothing where nothing was agreed on', async () => {
    await start({ isDecrypted: true, isEncrypted: true })
    const client = await secureClient()
    const server = await origin.end(0)
    expect((server.socket as TLSSocket).alpnProtocol).toBe(false)
    client.end()
    server.end()
    await flow()
  })
})

describe('an endpoint that is not who it should be', () => {
  it('is not connected to', async () => {
    await start({ isDecrypted: false, isEncrypted: true, serverName: 'other.example' })
    await refusedClient(proxy.port)
    expect(await flow()).toMatchObject({
      error: 'upstream_connect_failed',
      errorDetail: 'ERR_TLS_CERT_ALTNAME_INVALID',
      bytesOut: 0,
    })
  })
})
