import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BulkOrigin, bulkOrigin, download, upload } from './bulk-origin.ts'
import { type ProxyInProcess, startProxyInProcess } from './proxy-in-process.ts'
import { type EagerOrigin, eagerOrigin, readAtPace } from './slow-transfer.ts'

const MIB = 1024 * 1024

/** What a whole proxy process may have in RAM, whatever passes through it. */
const RSS_MAX = 150 * MIB

const SLOW_BYTES_PER_SECOND = 100 * 1024
const SLOW_READERS = 32

export interface BulkOptions {
  readonly sizeMib: number
  /** Seconds for which a slow reader reads. */
  readonly seconds: number
  readonly timeoutMs: number
}

/** The tests of content that is far larger than memory allows for, and of clients that take it slowly. */
export function checkBulk({ sizeMib, seconds, timeoutMs }: BulkOptions): void {
  const size = sizeMib * MIB
  let bulk: BulkOrigin
  let eager: EagerOrigin
  let proxy: ProxyInProcess

  beforeAll(async () => {
    bulk = await bulkOrigin()
    eager = await eagerOrigin(1024 * MIB)
    proxy = await startProxyInProcess({
      upstreams: { bulk: [bulk.address], eager: [eager.address] },
      routes: [{ to: 'eager', match: { hosts: ['a.example'] } }, { to: 'bulk' }],
    })
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await bulk.close()
    await eager.close()
  })

  describe.each(['content-length', 'chunked'] as const)(`${sizeMib} MiB with %s through one worker`, framing => {
    it('come down whole, with no more than 150 MiB of RAM for the process', { timeout: timeoutMs }, async () => {
      const { bytes, sentSha256, receivedSha256 } = await download(proxy.port, bulk, framing, size)
      expect(bytes).toBe(size)
      expect(receivedSha256).toBe(sentSha256)
      expect(proxy.rssPeakBytes()).toBeLessThan(RSS_MAX)
    })

    it('go up whole, with no more than 150 MiB of RAM for the process', { timeout: timeoutMs }, async () => {
      const { bytes, sentSha256, receivedSha256 } = await upload(proxy.port, framing, size)
      expect(bytes).toBe(size)
      expect(receivedSha256).toBe(sentSha256)
      expect(proxy.rssPeakBytes()).toBeLessThan(RSS_MAX)
    })
  })

  describe('a reader at 100 KiB/s of 1 GiB that its origin would send at once', () => {
    it('makes the proxy hold no more than 1 MiB', { timeout: timeoutMs }, async () => {
      using reader = await readAtPace(proxy.port, eager, SLOW_BYTES_PER_SECOND, seconds)
      expect(reader.bytesRead).toBeGreaterThanOrEqual(SLOW_BYTES_PER_SECOND * seconds)
      const held = await reader.heldByProxy()
      expect(held).toBeLessThan(MIB)
      // Less than nothing would mean that the sum is wrong.
      expect(held).toBeGreaterThanOrEqual(0)
    })

    it(`costs no more than 1 MiB of RAM where there are ${SLOW_READERS} of them`, { timeout: timeoutMs }, async () => {
      const before = proxy.rssBytes()
      const reading = Array.from({ length: SLOW_READERS }, () =>
        readAtPace(proxy.port, eager, SLOW_BYTES_PER_SECOND, seconds),
      )
      const readers = await Promise.all(reading)
      expect(proxy.rssBytes() - before).toBeLessThan(SLOW_READERS * MIB)
      for (const reader of readers) reader[Symbol.dispose]()
      await expect.poll(async () => (await proxy.stats()).exchangesActive).toBe(0)
    })
  })
}
