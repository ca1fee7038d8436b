import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { type Dnsmasq, startDnsmasq } from '../../support/dnsmasq.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { dnsThroughBoth } from './dns-through-both.ts'

const LONG = 'l'.repeat(200)
const MANY = addresses(60)
/** Of 26 octets each, with what belongs to it. */
const LARGE = addresses(2_400)

let dnsmasq: Dnsmasq
let largeServer: DnsServer
let proxy: TestProxy

beforeAll(async () => {
  dnsmasq = await startDnsmasq({
    hosts: { 'a.test': ['10.0.0.1', '2001:db8::1'], 'many.test': MANY },
    texts: { 'text.test': LONG },
  })
  largeServer = await startDnsServer()
  largeServer.set('large.test', { a: LARGE })
  // All of it, whatever the question says of its length.
  largeServer.misbehave(answer => answer, 'large.test')
  const port = Number(dnsmasq.address.split(':')[1])
  proxy = await startTestProxy({
    tcpListeners: [{}],
    udpListeners: [{ responses: 1 }, { responses: 1, upstream: 1 }],
    upstreams: {
      dns: [{ kind: 'tcp', host: '127.0.0.1', port }],
      large: [{ kind: 'tcp', host: '127.0.0.1', port: largeServer.port }],
    },
  })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await dnsmasq[Symbol.asyncDispose]()
  await largeServer.close()
})

function addresses(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.2.${index >> 8}.${index & 255}`)
}

/** What dig says, asked once over UDP. */
async function dig(...args: string[]): Promise<string> {
  const common = ['@127.0.0.1', '-p', String(proxy.portOf(1)), '+tries=1', '+timeout=10', '+ignore']
  const { stdout } = await promisify(execFile)('dig', [...common, ...args])
  return stdout
}

const overTcp = () => ['-p', String(proxy.portOf(0)), '+tcp']

describe('a DNS server behind a listener of UDP', () => {
  it('tells dig addresses of both families, and texts', async () => {
    expect(await dig('+short', 'a.test', 'A', 'a.test', 'AAAA', 'text.test', 'TXT')).toBe(
      `10.0.0.1\n2001:db8::1\n"${LONG}"\n`,
    )
  })

  it('denies a name that there is not, and refuses what it does not serve', async () => {
    expect(await dig('none.test')).toContain('status: NXDOMAIN')
    expect(await dig('example.com')).toContain('status: REFUSED')
  })

  it('answers with as much as a datagram holds', async () => {
    const answer = await dig('-p', String(proxy.portOf(2)), '+bufsize=65535', '+short', 'large.test')
    expect(answer === LARGE.map(address => `${address}\n`).join('')).toBe(true)
  })

  it('says that it has more to whoever takes little, who gets it over TCP', async () => {
    expect(await dig('+bufsize=512', 'many.test')).toMatch(/flags:.* tc/)
    expect(await dig(...overTcp(), '+bufsize=512', 'many.test')).toMatch(/flags:(?!.* tc).*ANSWER: 60,/)
    expect(await dig('+bufsize=1232', 'many.test')).toMatch(/flags:(?!.* tc).*ANSWER: 60,/)
  })

  it('answers several queries on one connection of TCP', async () => {
    const queries = ['+keepopen', '+short', 'a.test', 'A', 'text.test', 'TXT', 'a.test', 'AAAA']
    expect(await dig(...overTcp(), ...queries)).toBe(`10.0.0.1\n"${LONG}"\n2001:db8::1\n`)
  })

  it('answers each of thousands of queries, as it does through nginx', async () => {
    const { sluice, nginx } = await dnsThroughBoth({ queries: 4_000, sockets: 200, perSecond: 0 })
    expect(nginx).toMatchObject({ answered: 4_000, wrong: 0 })
    expect(sluice).toMatchObject({ answered: 4_000, wrong: 0 })
  })

  it('leaves no flow behind that has got its answer', async () => {
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
  })
})
