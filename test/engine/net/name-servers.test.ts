import { afterEach, describe, expect, it } from 'vitest'
import { NameServers } from '../../../engine/net/name-servers.ts'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { HandTime } from '../../support/hand-time.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

const BUDGET_MS = 10_000

const opened: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

const time = new HandTime()

/** A server that says of `api.test` what its number is: 10.0.0.1 is the first one's. */
async function dnsServers(count: number): Promise<DnsServer[]> {
  const started = await Promise.all(Array.from({ length: count }, startDnsServer))
  for (const [index, server] of started.entries()) server.set('api.test', { a: [`10.0.0.${index + 1}`] })
  opened.push(...started)
  return started
}

function nameServers(servers: readonly (DnsServer | string)[], budgetMs = BUDGET_MS): NameServers {
  const addresses = servers.map(server => (typeof server === 'string' ? server : server.address))
  const asked = new NameServers(addresses, budgetMs, time)
  opened.unshift(asked)
  return asked
}

/** The address, or the error's code. */
async function ask(servers: NameServers, name = 'api.test', limitMs = BUDGET_MS): Promise<string> {
  try {
    const [address = 'none'] = await servers.ask(name, channel => channel.resolve4(name), limitMs)
    return address
  } catch (error) {
    return (error as { code: string }).code
  }
}

function counts(servers: readonly DnsServer[]): number[] {
  return servers.map(server => server.queries.length)
}

describe('several DNS servers', () => {
  it('are not asked beside one that answers', async () => {
    const [first, second] = (await dnsServers(2)) as [DnsServer, DnsServer]
    const servers = nameServers([first, second])
    expect([await ask(servers), await ask(servers)]).toEqual(['10.0.0.1', '10.0.0.1'])
    expect(counts([first, second])).toEqual([2, 0])
  })

  it.each(['servfail', 'refused', 'garbage', 'cut'] as const)('stand in for one that fails: %s', async fault => {
    const [first, second] = (await dnsServers(2)) as [DnsServer, DnsServer]
    first.misbehave(fault)
    expect(await ask(nameServers([first, second]))).toBe('10.0.0.2')
  })

  it('stand in for one that is not there', async () => {
    const [only] = (await dnsServers(1)) as [DnsServer]
    await using dead = await refusingPort()
    expect(await ask(nameServers([`127.0.0.1:${dead.port}`, only]))).toBe('10.0.0.1')
    expect(await ask(nameServers([`127.0.0.1:${dead.port}`]))).toBe('ECONNREFUSED')
  })

  it('stand in for one that is silent, after a while, and are asked first from then on', async () => {
    const [first, second] = (await dnsServers(2)) as [DnsServer, DnsServer]
    first.misbehave('silent')
    const servers = nameServers([first, second])
    const answer = ask(servers)
    await first.asked('api.test')
    await turns()
    expect(counts([first, second])).toEqual([1, 0])
    time.advance(1000)
    expect(await answer).toBe('10.0.0.2')
    expect(await ask(servers)).toBe('10.0.0.2')
    expect(counts([first, second])).toEqual([1, 2])
  })

  it('are given less patience when there is little time', async () => {
    const servers = await dnsServers(3)
    for (const server of servers.slice(0, 2)) server.misbehave('silent')
    const answer = ask(nameServers(servers, 600), 'api.test', 600)
    await servers[0]?.asked('api.test')
    time.advance(100)
    await servers[1]?.asked('api.test')
    time.advance(100)
    expect(await answer).toBe('10.0.0.3')
  })

  it('count when they answer late, after another one was asked', async () => {
    const [first, second] = (await dnsServers(2)) as [DnsServer, DnsServer]
    first.misbehave('held')
    second.misbehave('silent')
    const answer = ask(nameServers([first, second]))
    await first.asked('api.test')
    time.advance(1000)
    await second.asked('api.test')
    first.misbehave(null)
    first.release()
    expect(await answer).toBe('10.0.0.1')
  })

  it('are believed when they say that there is nothing', async () => {
    const [first, second] = (await dnsServers(2)) as [DnsServer, DnsServer]
    first.misbehave('nxdomain')
    expect(await ask(nameServers([first, second]))).toBe('ENOTFOUND')
    first.misbehave('empty')
    expect(await ask(nameServers([first, second]))).toBe('ENODATA')
    expect(counts([first, second])).toEqual([2, 0])
  })

  it('fail as the last one of them has', async () => {
    const [first, second] = (await dnsServers(2)) as [DnsServer, DnsServer]
    first.misbehave('servfail')
    second.misbehave('refused')
    expect(await ask(nameServers([first, second]))).toBe('EREFUSED')
    second.misbehave('silent')
    const late = ask(nameServers([first, second]))
    await waitFor(() => second.queries.length === 2)
    time.advance(BUDGET_MS)
    expect(await late).toBe('ETIMEDOUT')
  })

  it('are none: the look-up fails', async () => {
    expect(await ask(nameServers([]))).toBe('ECONNREFUSED')
  })
})

describe('a question', () => {
  it('is sent again when it may have got lost', async () => {
    const [server] = (await dnsServers(1)) as [DnsServer]
    server.misbehave('silent')
    const answer = ask(nameServers([server], 700))
    await server.asked('api.test')
    server.misbehave(null)
    expect(await answer).toBe('10.0.0.1')
    expect(server.queries.length).toBeGreaterThan(1)
  })

  it('waits while 128 others are under way', async () => {
    const [server] = (await dnsServers(1)) as [DnsServer]
    server.misbehave('held')
    const servers = nameServers([server])
    const answers = Promise.all(Array.from({ length: 300 }, () => ask(servers)))
    await waitFor(() => server.queries.length === 128)
    await turns()
    expect(counts([server])).toEqual([128])
    server.misbehave(null)
    server.release()
    expect(new Set(await answers)).toEqual(new Set(['10.0.0.1']))
    expect(counts([server])).toEqual([300])
  })

  it('is not asked any more when its turn comes too late', async () => {
    const [server] = (await dnsServers(1)) as [DnsServer]
    server.misbehave('silent')
    const servers = nameServers([server])
    const answers = Promise.all(Array.from({ length: 300 }, () => ask(servers)))
    await waitFor(() => server.queries.length === 128)
    time.advance(BUDGET_MS)
    expect(new Set(await answers)).toEqual(new Set(['ETIMEDOUT']))
    expect(counts([server])).toEqual([128])
  })
})

describe('the name of a DNS server', () => {
  it.each(['10.0.0.53', '10.0.0.53:5353', '[::1]', '[fd00::53]:65535'])('may be %s', server => {
    expect(() => nameServers([server])).not.toThrow()
  })

  it.each([
    '',
    'dns.internal',
    'dns.internal:53',
    '10.0.0.53:',
    '10.0.0.53:0',
    '10.0.0.53:65536',
    '::1',
    '[10.0.0.1]',
    '[::1',
  ])('is an IP address, not %j', server => {
    expect(() => nameServers([server])).toThrow(/a DNS server is named by its IP address, e\.g\. 10\.0\.0\.53/)
  })
})
