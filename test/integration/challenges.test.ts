import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { type Engine, startEngine } from '../../engine/index.ts'
import { createAuthority, selfSigned } from '../support/certificates.ts'
import { get } from '../support/heads.ts'
import { rawClient } from '../support/raw-client.ts'
import { testSnapshot } from '../support/snapshot.ts'
import { certificateSnapshot, listenerTls } from '../support/tls.ts'

const NOTHING = { http: [], tls: [] }
const TOKEN = { token: 'evaGxfADs6pSRb2LAv9IZf17', content: 'evaGxfADs6pSRb2LAv9IZf17.thumbprint' }
const PATH = `/.well-known/acme-challenge/${TOKEN.token}`
/** Enough that the kernel has given some to each of two workers. */
const CONNECTIONS = 16

interface Scene extends AsyncDisposable {
  readonly engine: Engine
  readonly ports: readonly number[]
}

async function open(): Promise<Scene> {
  const leaf = await (await createAuthority()).issue()
  const respond = { kind: 'respond', status: 404, fields: [], content: Buffer.from('route') } as const
  const snapshot = testSnapshot({
    listeners: [
      { redirectToHttpsPort: 443, redirectToHttpsStatus: 308 },
      { tls: listenerTls({ certificates: [certificateSnapshot(leaf)] }) },
    ],
    upstreams: {},
    routes: [{ to: respond }],
  })
  const engine = await startEngine({ snapshot, workers: 2, shutdownGraceMs: 1000 })
  const ports = engine.listeners.map(({ address }) => (address.kind === 'tcp' ? address.port : 0))
  return { engine, ports, [Symbol.asyncDispose]: () => engine.stop() }
}

async function statuses(port: number, path: string): Promise<Set<number>> {
  const asked = Array.from({ length: CONNECTIONS }, async () => {
    using client = await rawClient(port)
    await client.send(get(path))
    const { status } = await client.readResponse()
    return status
  })
  return new Set(await Promise.all(asked))
}

describe('challenges of an authority', () => {
  it('are answered by every worker as soon as they are told, before redirects, and not any more behind that', async () => {
    await using scene = await open()
    const [plain = 0] = scene.ports
    expect(await statuses(plain, PATH)).toEqual(new Set([308]))
    await scene.engine.challenge({ http: [TOKEN], tls: [] })
    expect(await statuses(plain, PATH)).toEqual(new Set([200]))
    expect(await statuses(plain, `${PATH}x`)).toEqual(new Set([308]))
    await scene.engine.challenge(NOTHING)
    expect(await statuses(plain, PATH)).toEqual(new Set([308]))
  })

  it('are answered over HTTP/2 as well', async () => {
    await using scene = await open()
    await scene.engine.challenge({ http: [TOKEN], tls: [] })
    const session = connectHttp2(`http://127.0.0.1:${scene.ports[0]}`)
    const stream = session.request({ ':path': PATH })
    const [head] = await once(stream, 'response')
    expect([head[':status'], head['content-type'], await text(stream)]).toEqual([
      200,
      'application/octet-stream',
      TOKEN.content,
    ])
    session.close()
  })

  it('by TLS get the certificate for the name, and others what they get always', async () => {
    await using scene = await open()
    const proof = await selfSigned({ names: ['a.test'] })
    await scene.engine.challenge({ http: [], tls: [{ name: 'a.test', chain: proof.certificate, key: proof.key }] })
    const shown = async (servername: string, protocol: string) => {
      const options = { port: scene.ports[1], host: '127.0.0.1', servername, rejectUnauthorized: false }
      const socket = connect({ ...options, ALPNProtocols: [protocol] })
      await once(socket, 'secureConnect')
      const found = [socket.getPeerX509Certificate()?.subject, socket.alpnProtocol]
      socket.destroy()
      return found
    }
    for (let connection = 0; connection < CONNECTIONS; connection++) {
      expect(await shown('a.test', 'acme-tls/1')).toEqual(['CN=a.test', 'acme-tls/1'])
    }
    expect(await shown('a.test', 'http/1.1')).toEqual(['CN=localhost', 'http/1.1'])
    await expect(shown('b.test', 'acme-tls/1')).rejects.toThrow(/alert/)
  })
})
