import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { cutBelow, readToEnd } from '../../engine/net/tls/secure-peers.ts'
import { startSameThreadProxy } from '../../support/proxy.ts'
import { type TestProxyOptions, type TestUpstream, testSnapshot } from '../../support/snapshot.ts'
import { certificateSnapshot, listenerTls, upstreamTls } from '../../support/tls.ts'
import { turns } from '../../support/turns.ts'
import { runEngine, secureOrigin, trust, visitor } from './proxies.ts'

/** TLS on both sides, or on the origin's alone. */
async function proxyTo(port: number, isEncrypted = true): Promise<TestProxyOptions> {
  const { authority, leaf } = await trust()
  const tls = isEncrypted ? listenerTls({ certificates: [certificateSnapshot(leaf)] }) : null
  return {
    listeners: [{ tls }],
    upstreams: {
      origin: {
        endpoints: [{ kind: 'tcp', host: '127.0.0.1', port }],
        tls: upstreamTls({ ca: authority.certificate, serverName: 'localhost' }),
      },
    },
  }
}

const BYTES = 3_000_000

function content(seed: number): Buffer {
  const bytes = Buffer.alloc(BYTES)
  for (let at = 0; at < BYTES; at += 4) bytes.writeUInt32LE((at * 2_654_435_761 + seed) >>> 0, at)
  return bytes
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Reads requests of known length, and answers with what they brought, and with content of its own. */
function echoing(socket: TLSSocket): void {
  let chunks: Buffer[] = []
  let length = 0
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    if (length < BYTES) return
    const text = Buffer.concat(chunks)
    const start = text.indexOf('\r\n\r\n') + 4
    if (length < start + BYTES) return
    socket.write(`HTTP/1.1 200 OK\r\nX-Digest: ${digest(text.subarray(start))}\r\nContent-Length: ${BYTES}\r\n\r\n`)
    socket.write(content(2))
    chunks = []
    length = 0
  })
}

describe('content over TLS on both sides', () => {
  it('arrives whole both ways, on one connection and another', async () => {
    await using origin = await secureOrigin(echoing)
    await using running = await runEngine(await proxyTo(origin.port))
    const { authority } = await trust()
    for (let round = 0; round < 2; round += 1) {
      const sent = request({
        port: running.port,
        host: '127.0.0.1',
        servername: 'localhost',
        ca: authority.certificate,
        method: 'POST',
        headers: { 'content-length': BYTES },
        agent: false,
      })
      sent.end(content(1))
      const [response] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk as Buffer)
      expect(response.headers['x-digest']).toBe(digest(content(1)))
      expect(digest(Buffer.concat(chunks))).toBe(digest(content(2)))
    }
    // The connection to the origin was used again.
    expect(origin.sockets.size).toBe(1)
  })

  it('is not read from an origin while the client takes none', async () => {
    let written = 0
    const endless = (socket: TLSSocket) => {
      const piece = Buffer.alloc(64 * 1024, 'x')
      const more = () => {
        while (written < 400_000_000) {
          written += piece.length
          if (!socket.write(piece)) return
        }
      }
      socket.on('drain', more)
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n')
        more()
      })
    }
    await using origin = await secureOrigin(endless)
    await using running = await runEngine(await proxyTo(origin.port))
    using visit = await visitor(running.port)
    visit.socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(visit.socket, 'readable')
    // What fits into the buffers of four sockets, and no more.
    let before = -1
    while (before !== written) {
      before = written
      await turns(200)
    }
    expect(written).toBeLessThan(60_000_000)
    expect(running.engine.stats().exchangesActive).toBe(1)
  })
})

describe('a response that only the end of the connection delimits', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'

  it.each([true, false])('is whole where that end was announced (client encrypted: %s)', async isEncrypted => {
    await using origin = await secureOrigin(socket => socket.once('data', () => socket.end(`${HEAD}all of it`)))
    await using running = await startSameThreadProxy(await proxyTo(origin.port, isEncrypted))
    if (isEncrypted) {
      using visit = await visitor(running.port)
      visit.socket.write('GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
      const { bytes, error } = await readToEnd(visit.socket)
      expect([error, bytes.toString().endsWith('all of it')]).toEqual(['', true])
    } else {
      expect(await (await fetch(`http://127.0.0.1:${running.port}/`)).text()).toBe('all of it')
    }
  })

  it.each([true, false])('is an error where the connection just ended (client encrypted: %s)', async isEncrypted => {
    const cutting = (socket: TLSSocket) =>
      socket.once('data', () => socket.write(`${HEAD}not all of it`, () => setImmediate(() => cutBelow(socket))))
    await using origin = await secureOrigin(cutting)
    await using running = await startSameThreadProxy(await proxyTo(origin.port, isEncrypted))
    if (isEncrypted) {
      using visit = await visitor(running.port)
      visit.socket.write('GET / HTTP/1.0\r\nHost: localhost\r\n\r\n')
      expect((await readToEnd(visit.socket)).error).not.toBe('')
    } else {
      const response = fetch(`http://127.0.0.1:${running.port}/`).then(answer => answer.text())
      await expect(response).rejects.toThrow()
    }
  })
})

describe('an upstream whose certificates cannot be used', () => {
  it('refuses the configuration, with its name and the reason', async () => {
    const options = await proxyTo(1, false)
    await using running = await runEngine(options)
    const origin = { ...(options.upstreams?.origin as TestUpstream), tls: upstreamTls({ ca: 'nonsense' }) }
    const reload = running.engine.reload(testSnapshot({ ...options, upstreams: { origin } }))
    await expect(reload).rejects.toThrow(
      /upstream origin: its certificates or keys cannot be used: there is no certificate/,
    )
  })
})

describe('an origin that is not the one that is meant', () => {
  it('gets no request: the client is told that it cannot be reached', async () => {
    const other = await (await trust()).authority.issue({ names: ['other.example'] })
    const seen: string[] = []
    await using origin = await secureOrigin(socket => socket.on('data', data => seen.push(String(data))), {
      cert: other.chain,
      key: other.key,
    })
    await using running = await startSameThreadProxy(await proxyTo(origin.port, false))
    const response = await fetch(`http://127.0.0.1:${running.port}/`)
    expect(response.status).toBe(502)
    expect(seen).toEqual([])
  })
})
