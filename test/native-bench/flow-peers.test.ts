import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { receiving } from '../../native-bench/frame/ports.ts'
import { DatagramEcho } from '../../native-bench/origins/echo.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask, digest, MEBIBYTE, type Origin, peersFromSources, start, startOrigin } from './running-peer.ts'

const present = peersFromSources.filter(peer => 'version' in peer.probe())
const READY_WITHIN_MS = 15_000

describe('a peer that passes connections through', () => {
  let origin: Origin

  beforeAll(async () => {
    origin = await startOrigin()
  })
  afterAll(() => origin?.close())

  it.each(present.filter(({ capabilities }) => capabilities.has('tcp')).map(peer => [peer.name, peer] as const))(
    '%s adds nothing, and loses nothing in either direction',
    async (_, peer) => {
      await using folder = await temporaryFolder()
      const setup = { originPort: origin.port, folder: folder.path, listens: 'tcp' } as const
      await using proxy = await start(peer, setup)
      expect(String((await ask(proxy.port, '/there')).content)).toBe('hello /there')
      expect(Object.keys(origin.seen.at(-1)?.headers ?? {}).toSorted()).toEqual(['connection', 'host'])
      expect(String((await ask(proxy.port, '/upload', MEBIBYTE)).content)).toBe(digest(MEBIBYTE))
      expect(digest((await ask(proxy.port, '/mebibyte')).content)).toBe(digest(MEBIBYTE))
    },
  )
})

describe('a peer that passes datagrams through', () => {
  it.each(present.filter(({ capabilities }) => capabilities.has('udp')).map(peer => [peer.name, peer] as const))(
    '%s gives each client its own answers, one for each flow where that is said',
    async (_, peer) => {
      await using folder = await temporaryFolder()
      const echo = new DatagramEcho()
      const originPort = await freePort()
      await echo.listen(originPort)
      const setup = { originPort, folder: folder.path, listens: 'udp', responses: 1 } as const
      await using proxy = await start(peer, setup, port => receiving(port, READY_WITHIN_MS, () => null))
      const asked = ['a', 'b', 'c', 'd'].map(name => Array.from({ length: 5 }, (_, turn) => `${name} ${turn}`))
      expect(await Promise.all(asked.map(texts => echoesOf(texts, proxy.port)))).toEqual(asked)
      echo.close()
    },
  )
})

/** What comes back for each of them, sent one by one from a port of their own. */
async function echoesOf(texts: readonly string[], port: number): Promise<string[]> {
  const socket = createSocket('udp4')
  const echoes: string[] = []
  for (const text of texts) {
    const message = once(socket, 'message')
    socket.send(text, port, '127.0.0.1')
    echoes.push(String((await message)[0]))
  }
  socket.close()
  return echoes
}
