import { describe, expect, it } from 'vitest'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { type OriginProcess, startOrigin } from '../../support/origin-process.ts'
import { rawClient } from '../../support/raw-client.ts'
import { waitFor } from '../../support/wait-for.ts'
import { type Fleet, serve } from './fleet.ts'

const NAME = 'origins.test'
/** An answer counts for so long, whatever its TTL says. */
const TTL_MS = 300
/** What a busy machine may add to it. */
const SLACK_MS = 2_000

/** Two origins that differ by their address alone. */
async function startTwo(): Promise<[OriginProcess, OriginProcess]> {
  const first = await startOrigin('a', '127.0.0.1')
  return [first, await startOrigin('b', '127.0.0.2', first.address.port)]
}

function serveByName(origins: readonly OriginProcess[], dns: DnsServer): Promise<Fleet> {
  return serve(origins, {
    endpoints: [{ kind: 'tcp', host: NAME, port: origins[0]?.address.port ?? 0 }],
    resolver: { addresses: [dns.address], ttlMinMs: TTL_MS, ttlMaxMs: TTL_MS, timeoutMs: 200 },
  })
}

describe('a name that has other addresses than before', () => {
  it('takes the traffic there within its TTL, under load and without an error', async () => {
    await using dns = await startDnsServer()
    const [a, b] = await startTwo()
    dns.set(NAME, { a: ['127.0.0.1'] })
    await using fleet = await serveByName([a, b], dns)
    using load = fleet.load()
    const before = await load.next(1_000)
    expect([...before.origins.keys()]).toEqual(['a'])

    dns.set(NAME, { a: ['127.0.0.2'] })
    const changedAt = performance.now()
    await load.until(() => fleet.upstream.endpoints().every(({ name }) => name === b.endpoint), 'the new address')
    expect(performance.now() - changedAt).toBeLessThan(TTL_MS + SLACK_MS)
    await load.until(() => fleet.inFlight === fleet.status('b').requests, 'what ran at the old address has ended')
    const after = await load.next(1_000)
    expect([...after.origins.keys()]).toEqual(['b'])
    // Nothing is left open where nobody is sent any more.
    await expect.poll(async () => (await a.counts()).open).toBe(0)

    dns.set(NAME, { a: ['127.0.0.1', '127.0.0.2'] })
    await load.until(() => fleet.upstream.endpoints().length === 2, 'both addresses')
    const both = await load.next(2_000)
    expect(both.share('a')).toBeCloseTo(0.5, 1)
    expect((await load.stop()).failures).toEqual([])
    await fleet.rest()
  })

  it('lets what runs at an address end that it no longer has', async () => {
    await using dns = await startDnsServer()
    const [a, b] = await startTwo()
    dns.set(NAME, { a: ['127.0.0.1'] })
    await using fleet = await serveByName([a, b], dns)
    await a.behave({ answer: 'held' })
    using client = await rawClient(fleet.port)
    await client.send('GET /100/1 HTTP/1.1\r\nHost: a\r\n\r\n')
    await waitFor(() => fleet.inFlight === 1, 'the request is under way')
    dns.set(NAME, { a: ['127.0.0.2'] })
    await waitFor(() => fleet.eventsOf('endpoints_changed').length === 1, 'the new address')
    // This changes nothing, and has come about when all workers know all that was told them before.
    await fleet.upstream.setWeight(b.endpoint, 1)
    using load = fleet.load()
    expect([...(await load.next(500)).origins.keys()]).toEqual(['b'])
    expect((await a.counts()).active).toBe(1)
    await a.behave({ answer: 'whole' })
    const response = await client.readResponse()
    expect(response.status).toBe(200)
    expect((await load.stop()).failures).toEqual([])
    await fleet.rest()
    await expect.poll(async () => (await a.counts()).open).toBe(0)
  })

  it('keeps them when it does not exist any more, and when its server is silent', async () => {
    await using dns = await startDnsServer()
    const [a, b] = await startTwo()
    dns.set(NAME, { a: ['127.0.0.1', '127.0.0.2'] })
    await using fleet = await serveByName([a, b], dns)
    using load = fleet.load()
    await load.next(500)
    for (const fault of ['nxdomain', 'silent'] as const) {
      const failures = fleet.eventsOf('name_failed').length
      dns.misbehave(fault)
      await load.until(() => fleet.eventsOf('name_failed').length > failures, `a failure: ${fault}`)
      const meanwhile = await load.next(500)
      expect(meanwhile.failures).toEqual([])
      expect(meanwhile.share('a')).toBeGreaterThan(0.3)
      expect(meanwhile.share('b')).toBeGreaterThan(0.3)
      dns.misbehave(null)
      const recovered = fleet.eventsOf('name_recovered').length
      await load.until(() => fleet.eventsOf('name_recovered').length > recovered, `recovery from ${fault}`)
    }
    expect(fleet.eventsOf('endpoints_changed')).toEqual([])
    expect((await load.stop()).failures).toEqual([])
    await fleet.rest()
  })
})
