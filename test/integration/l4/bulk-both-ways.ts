import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBulk, writeBulk } from '../../support/bulk-content.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { type ProxyInProcess, startProxyInProcess } from '../../support/proxy-in-process.ts'
import { type EagerOrigin, eagerOrigin, heldBetween, readAtPace } from '../../support/slow-transfer.ts'
import { waitFor } from '../../support/wait-for.ts'

const MIB = 1024 * 1024

/** What a whole proxy process may have in RAM, whatever passes through it. */
const RSS_MAX = 150 * MIB

/** What a flow may hold in one direction: a read, of a slot of its own at most; and the piece that cannot be told from it. */
const HELD_MAX = 256 * 1024 + 16 * 1024

const SLOW_BYTES_PER_SECOND = 100 * 1024

export interface BothWaysOptions {
  readonly sizeMib: number
  /** For which a slow reader reads. */
  readonly seconds: number
  readonly timeoutMs: number
}

interface Passage {
  readonly sent: string
  readonly received: string
  readonly bytes: number
}

/** Sends so many bytes and reads what comes, both at once; each direction ends with FIN. */
async function passBoth(socket: Socket, size: number): Promise<Passage> {
  const [sent, { bytes, sha256 }] = await Promise.all([writeBulk(socket, size), readBulk(socket)])
  return { sent, received: sha256, bytes }
}

/** The tests of flows with far more bytes than memory allows for, both ways at once, and of slow readers on either side. */
export function checkBothWays({ sizeMib, seconds, timeoutMs }: BothWaysOptions): void {
  const size = sizeMib * MIB
  const passages: Promise<Passage>[] = []
  const uploads: Socket[] = []
  let both: Listening
  let unread: Listening
  let eager: EagerOrigin
  let proxy: ProxyInProcess

  beforeAll(async () => {
    both = await listenOn(createServer({ allowHalfOpen: true }, socket => void passages.push(passBoth(socket, size))))
    unread = await listenOn(createServer({ pauseOnConnect: true }, socket => void uploads.push(socket)))
    eager = await eagerOrigin(1024 * MIB)
    proxy = await startProxyInProcess({
      tcpListeners: [{ upstream: 0 }, { upstream: 1 }, { upstream: 2 }],
      upstreams: { both: [both.address], eager: [eager.address], unread: [unread.address] },
    })
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    for (const listening of [both, unread, eager]) await listening.close()
  })

  describe('a flow of TCP', () => {
    it(`brings ${sizeMib} MiB each way at once, every byte of them`, { timeout: timeoutMs }, async () => {
      const client = connect({ port: proxy.portOf(0), host: '127.0.0.1', allowHalfOpen: true })
      await once(client, 'connect')
      const here = await passBoth(client, size)
      const there = (await passages.at(-1)) as Passage
      expect([here.bytes, there.bytes]).toEqual([size, size])
      expect([here.received, there.received]).toEqual([there.sent, here.sent])
      expect(proxy.rssPeakBytes()).toBeLessThan(RSS_MAX)
    })

    it('holds no more than a read for a client that takes little', { timeout: timeoutMs }, async () => {
      using reader = await readAtPace(proxy.portOf(1), eager, SLOW_BYTES_PER_SECOND, seconds)
      expect(reader.bytesRead).toBeGreaterThanOrEqual(SLOW_BYTES_PER_SECOND * seconds)
      const held = await reader.heldByProxy()
      expect(held).toBeLessThanOrEqual(HELD_MAX)
      // Less than nothing would mean that the sum is wrong.
      expect(held).toBeGreaterThanOrEqual(0)
    })

    it('holds no more than a read for an endpoint that takes nothing', { timeout: timeoutMs }, async () => {
      const client = connect(proxy.portOf(2), '127.0.0.1')
      client.on('error', () => {})
      await once(client, 'connect')
      const piece = Buffer.alloc(16 * 1024, 'x')
      const write = () => {
        while (client.write(piece));
      }
      client.on('drain', write)
      write()
      const endpoint = await waitFor(() => uploads.at(-1), 'a connection at the endpoint')
      const held = await heldBetween(client, endpoint, piece.length, () => endpoint.bytesRead)
      expect(held).toBeLessThanOrEqual(HELD_MAX)
      expect(held).toBeGreaterThanOrEqual(0)
      client.destroy()
      endpoint.destroy()
    })
  })
}
