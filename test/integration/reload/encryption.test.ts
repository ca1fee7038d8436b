import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ListenerTlsSnapshot } from '../../../engine/snapshot.ts'
import { get } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type RecordingOrigin, recordingOrigin } from '../../support/recording-origin.ts'
import type { TestProxyOptions } from '../../support/snapshot.ts'
import { listenerTls } from '../../support/tls.ts'
import { waitFor } from '../../support/wait-for.ts'
import { certificates } from '../tls/secure-scene.ts'

let origin: RecordingOrigin
let scene: Awaited<ReturnType<typeof certificates>>

beforeAll(async () => {
  ;[origin, scene] = await Promise.all([recordingOrigin(), certificates()])
})

afterAll(() => origin[Symbol.asyncDispose]())

const PLAIN = 'plain'

function serving(mode: ListenerTlsSnapshot['clientAuth']['mode'] | typeof PLAIN): TestProxyOptions {
  const ca = mode === PLAIN ? '' : scene.authority.certificate
  const terms = { certificates: [scene.server], alpn: ['h2', 'http/1.1'] }
  const tls = mode === PLAIN ? {} : { tls: listenerTls({ ...terms, clientAuth: { mode, ca, forward: 'none' } }) }
  return { listeners: [{ name: 'web', ...tls }], upstreams: { origin: [origin.address] } }
}

async function secure(port: number): Promise<TLSSocket> {
  const { certificate: ca } = scene.authority
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['http/1.1'] })
  await once(socket, 'secureConnect')
  return socket
}

/** Sends a request, and gives the first line of what comes of it. */
async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [bytes] = await once(socket, 'data')
  return String(bytes).split('\r\n')[0] ?? ''
}

describe('a listener that stays, on other terms', () => {
  it('ends the connections of clients that have not shown what is asked for now, and what has begun is served', async () => {
    await using proxy = await startInstrumentedProxy({ workers: 1, ...serving('none') })
    const { port } = proxy
    const idle = await secure(port)
    expect(await ask(idle)).toBe('HTTP/1.1 200 OK')
    const session = connectHttp2(`https://localhost:${port}`, { ca: scene.authority.certificate })
    await once(session, 'connect')
    const [closed, goneAway] = [once(idle, 'close'), once(session, 'goaway')]
    const upload = session.request({ ':method': 'POST', ':path': '/' })
    upload.write('begun')
    await waitFor(() => origin.connections.some(({ betweenRequests }) => !betweenRequests), 'the upload at the origin')
    await proxy.reload(serving('require'))
    await Promise.all([closed, goneAway])
    const [answered, ended] = [once(upload, 'response'), once(session, 'close')]
    upload.resume().end('ended')
    expect((await answered)[0]).toMatchObject({ ':status': 200 })
    await ended
    await expect(secure(port).then(ask)).rejects.toThrow()
    await proxy.nothingLeft()
  })

  it('ends those that are not encrypted where all are to be, and keeps those that are asked for less', async () => {
    await using proxy = await startInstrumentedProxy({ workers: 1, ...serving(PLAIN) })
    using plain = await rawClient(proxy.port)
    await plain.send(get('/'))
    expect((await plain.readResponse()).status).toBe(200)
    await proxy.reload(serving('request'))
    await plain.closed
    const socket = await secure(proxy.port)
    expect(await ask(socket)).toBe('HTTP/1.1 200 OK')
    await proxy.reload(serving('none'))
    expect(await ask(socket)).toBe('HTTP/1.1 200 OK')
    socket.destroy()
    await proxy.nothingLeft()
  })
})
