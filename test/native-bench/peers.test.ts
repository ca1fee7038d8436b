import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { peers } from '../../native-bench/peers/index.ts'
import { probeCommand } from '../../native-bench/peers/native-command.ts'
import { probePackage } from '../../native-bench/peers/npm-package.ts'
import { sluicePeer } from '../../native-bench/peers/sluice/peer.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import {
  ask,
  digest,
  MEBIBYTE,
  type Origin,
  peersFromSources,
  type Running,
  start,
  startOrigin,
} from './running-peer.ts'

/** Those that add all the fields that Sluice adds; the others add the first three. */
const ADDING_ALL = new Set(['sluice', 'nginx', 'haproxy', 'caddy'])

/** Those that can do the least that is asked of most. */
const tested = peersFromSources.filter(({ capabilities }) => capabilities.has('http1'))

describe('the peers', () => {
  it('come in the order of the reports, each with a name of its own', () => {
    const names = 'sluice nginx haproxy caddy bun fast-proxy httpxy http-proxy fastify-http-proxy node-http2 node-net'
    expect(peers.map(peer => peer.name)).toEqual(names.split(' '))
  })

  it('say what to install where they are not there', () => {
    expect(probeCommand('no-such-proxy', ['-v'], /(.+)/)).toEqual({
      absent: expect.stringContaining('apt-get install no-such-proxy'),
    })
    expect(probePackage('no-such-package')).toEqual({ absent: expect.stringContaining('npm run bench:install') })
    expect(sluicePeer('no/such/main.js').probe()).toEqual({ absent: expect.stringContaining('npm run build') })
  })
})

for (const peer of tested) {
  const presence = peer.probe()
  const name = 'version' in presence ? peer.name : `${peer.name} (absent: ${presence.absent})`

  describe.skipIf('absent' in presence)(name, () => {
    let origin: Origin
    let folder: TemporaryFolder
    let proxy: Running

    beforeAll(async () => {
      origin = await startOrigin()
      folder = await temporaryFolder()
      proxy = await start(peer, { originPort: origin.port, folder: folder.path })
    })
    afterAll(async () => {
      await proxy?.end()
      await folder?.[Symbol.asyncDispose]()
      await origin?.close()
    })

    it('forwards requests, and tells the origin for whom', async () => {
      const { status, content } = await ask(proxy.port, '/there?a=b')
      expect([status, String(content)]).toEqual([200, 'hello /there?a=b'])
      expect(origin.seen.at(-1)?.headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': `127.0.0.1:${proxy.port}`,
      })
    })

    it.runIf(ADDING_ALL.has(peer.name))('adds the other fields that Sluice adds', async () => {
      await ask(proxy.port, '/')
      expect(origin.seen.at(-1)?.headers).toMatchObject({
        'x-forwarded-port': String(proxy.port),
        'x-request-id': expect.stringMatching(/^[\w-]{16,}$/),
        via: expect.stringMatching(/^1\.1 \w+$/),
      })
    })

    it('keeps connections open on both sides', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const first = origin.seen.length
      const before = new Set(origin.seen.map(({ connection }) => connection))
      for (let turn = 0; turn < 6; turn += 1) expect((await ask(proxy.port, '/', undefined, agent)).status).toBe(200)
      const used = new Set(origin.seen.slice(first).map(({ connection }) => connection))
      // One, and one more should a connection not be back in the pool when the next request comes.
      expect(used.size).toBeLessThanOrEqual(2)
      expect(used.difference(before).size).toBeLessThanOrEqual(1)
      expect(Object.values(agent.freeSockets).flat().length).toBe(1)
      agent.destroy()
    })

    it('takes a MiB whole in both directions', async () => {
      const upload = await ask(proxy.port, '/upload', MEBIBYTE)
      expect([upload.status, String(upload.content)]).toEqual([200, digest(MEBIBYTE)])
      const download = await ask(proxy.port, '/mebibyte')
      expect([download.status, digest(download.content)]).toEqual([200, digest(MEBIBYTE)])
    })

    it.runIf(peer.capabilities.has('websocket'))('joins WebSockets', async () => {
      const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/echo`)
      const received: [string, boolean][] = []
      socket.on('message', (data, isBinary) => received.push([String(data), isBinary]))
      await once(socket, 'open')
      const binary = Buffer.alloc(1 << 16, 'b')
      socket.send('text')
      socket.send(binary)
      await expect
        .poll(() => received)
        .toEqual([
          ['text', false],
          [String(binary), true],
        ])
      socket.close()
      await once(socket, 'close')
    })

    it('ends with all its workers by SIGTERM, and has written its access log by then', async () => {
      await using own = await temporaryFolder()
      const accessLogPath = peer.capabilities.has('access-log') ? own.file('access.log') : null
      const setup = { originPort: origin.port, folder: own.path, workers: 2, accessLogPath }
      await using running = await start(peer, setup)
      expect((await ask(running.port, '/logged')).status).toBe(200)
      await running.end()
      if (accessLogPath !== null) expect(await readFile(accessLogPath, 'utf8')).toContain('/logged')
    })
  })
}
