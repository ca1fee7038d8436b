import { afterEach, describe, expect, it } from 'vitest'
import type { ResolveError } from '../../../engine/net/resolve-error.ts'
import type { Answer, ServiceAnswer } from '../../../engine/net/resolver.ts'
import type { ResolverSnapshot } from '../../../engine/snapshot.ts'
import { type NameOwner, NameWatch, type NameWatchOptions } from '../../../engine/upstream/names.ts'
import { type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { startDnsmasq } from '../../support/dnsmasq.ts'
import { HandTime } from '../../support/hand-time.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

const opened: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

/** What an owner has heard, in words: `10.0.0.1 10.0.0.2`, `ENOTFOUND`, `recovered`. */
class Listener implements NameOwner<Answer> {
  readonly heard: string[] = []
  #read = 0

  onChange(answer: Answer): void {
    this.heard.push(answer.addresses.join(' '))
  }

  onError(error: ResolveError): void {
    this.heard.push(error.code)
  }

  onRecovered(): void {
    this.heard.push('recovered')
  }

  /** The next thing, which may be heard already. */
  async next(): Promise<string | undefined> {
    await waitFor(() => this.heard.length > this.#read, 'hearing something')
    this.#read += 1
    return this.heard[this.#read - 1]
  }
}

class ServiceListener implements NameOwner<ServiceAnswer> {
  readonly heard: string[] = []

  onChange({ targets }: ServiceAnswer): void {
    this.heard.push(targets.map(({ port, weight, addresses }) => `${addresses.join(' ')}:${port}*${weight}`).join(', '))
  }

  onError(error: ResolveError): void {
    this.heard.push(error.code)
  }

  onRecovered(): void {
    this.heard.push('recovered')
  }
}

interface Stage {
  readonly time: HandTime
  readonly server: DnsServer
  readonly settings: ResolverSnapshot
  readonly names: NameWatch
  watch(host: string): Listener
  /**
   * Lets time pass until the next look-up, waits for its end, and gives how much time it was. Of names that are looked up
   * again and again there must be `resting`.
   */
  nextLookup(resting?: number): Promise<number>
}

async function stage(settings: Partial<ResolverSnapshot> = {}, options: NameWatchOptions = {}): Promise<Stage> {
  const time = new HandTime()
  const server = await startDnsServer()
  const whole = { addresses: [server.address], ttlMinMs: 1000, ttlMaxMs: 3_600_000, timeoutMs: 5000, ...settings }
  const names = new NameWatch({ time, random: () => 0, ...options })
  opened.push(names, server)
  return {
    time,
    server,
    settings: whole,
    names,
    watch(host) {
      const listener = new Listener()
      names.watchHost(host, whole, listener)
      return listener
    },
    async nextLookup(resting = 1) {
      // One that is under way has three alarms at least, one that rests has one.
      const isResting = () => time.pending.length === resting
      await waitFor(isResting)
      server.forget()
      const [pauseMs = 0] = time.pending
      time.advance(pauseMs)
      await waitFor(() => server.queries.length > 0 && isResting())
      return pauseMs
    },
  }
}

describe('the names at the start', () => {
  it('are all asked for at once, and those that fail stop nobody', async () => {
    const { server, names, watch, time } = await stage()
    const hosts = Array.from({ length: 100 }, (_, index) => `host-${index}.test`)
    for (const host of hosts.slice(0, 98)) server.set(host, { a: ['10.0.0.1'] })
    server.misbehave('silent', 'host-99.test')
    const listeners = hosts.map(watch)
    const all = names.resolveAll(60_000)
    await waitFor(() => listeners.slice(0, 99).every(({ heard }) => heard.length > 0))
    expect(listeners[99]?.heard).toEqual([])
    time.advance(5000)
    await all
    expect(listeners.slice(0, 98).map(({ heard }) => heard)).toEqual(hosts.slice(0, 98).map(() => ['10.0.0.1']))
    expect(listeners.slice(98).map(({ heard }) => heard)).toEqual([['ENOTFOUND'], ['ETIMEDOUT']])
  })

  it('are not waited for past the deadline; who is late is told as failed, and comes in later', async () => {
    const { server, names, watch, time } = await stage({ timeoutMs: 60_000 })
    server.set('slow.test', { a: ['10.0.0.1'] })
    server.misbehave('held')
    const slow = watch('slow.test')
    const all = names.resolveAll(10_000)
    await waitFor(() => server.queries.length === 2)
    time.advance(10_000)
    await all
    expect(slow.heard).toEqual(['ETIMEDOUT'])
    server.misbehave(null)
    server.release()
    await waitFor(() => slow.heard.length === 3)
    expect(slow.heard).toEqual(['ETIMEDOUT', '10.0.0.1', 'recovered'])
  })

  it('are told before resolveAll() is done, and none of them before it was watched', async () => {
    const { server, names, watch } = await stage()
    server.set('api.test', { a: ['10.0.0.1'] })
    const api = watch('api.test')
    const literal = watch('127.0.0.1')
    expect([api.heard, literal.heard]).toEqual([[], []])
    await names.resolveAll(10_000)
    expect([api.heard, literal.heard]).toEqual([['10.0.0.1'], ['127.0.0.1']])
    await names.resolveAll(10_000)
  })

  it('may be none', async () => {
    const { names, time } = await stage()
    await names.resolveAll(10_000)
    expect(time.pending).toEqual([])
  })
})

describe('a name that is watched', () => {
  it('is asked for again when its TTL is over, and told when it has changed', async () => {
    const { server, watch, nextLookup } = await stage()
    server.set('api.test', { ttlS: 30, a: ['10.0.0.1', '10.0.0.2'] })
    const api = watch('api.test')
    expect(await api.next()).toBe('10.0.0.1 10.0.0.2')
    server.set('api.test', { ttlS: 60, a: ['10.0.0.2', '10.0.0.1'] })
    expect(await nextLookup()).toBe(30_000)
    server.set('api.test', { ttlS: 30, a: ['10.0.0.3'], aaaa: ['fd00::1'] })
    expect(await nextLookup()).toBe(60_000)
    expect(await api.next()).toBe('10.0.0.3 fd00::1')
    expect(api.heard.length).toBe(2)
  })

  it('is asked for up to a tenth earlier, at random', async () => {
    const { server, watch, nextLookup } = await stage({}, { random: () => 1 })
    server.set('api.test', { ttlS: 30, a: ['10.0.0.1'] })
    await watch('api.test').next()
    expect(await nextLookup()).toBe(27_000)
  })

  it('is not asked for without a pause, whatever the bounds are', async () => {
    const { server, watch, nextLookup } = await stage({ ttlMinMs: 0, ttlMaxMs: 0 })
    server.set('api.test', { ttlS: 0, a: ['10.0.0.1'] })
    await watch('api.test').next()
    expect(await nextLookup()).toBe(50)
  })

  it('is left alone for ever when it is a literal', async () => {
    const { watch, time } = await stage()
    await watch('10.0.0.1').next()
    expect(time.pending).toEqual([])
  })

  it('is asked for once, though many watch it', async () => {
    const { server, watch } = await stage()
    server.set('api.test', { a: ['10.0.0.1'] })
    const many = [watch('api.test'), watch('api.test'), watch('api.test')]
    for (const listener of many) expect(await listener.next()).toBe('10.0.0.1')
    expect(server.queries.length).toBe(2)
  })

  it('is told no more once it is closed; the others are', async () => {
    const { server, names, settings, watch, time, nextLookup } = await stage()
    server.set('api.test', { ttlS: 30, a: ['10.0.0.1'] })
    const left = new Listener()
    const leaving = names.watchHost('api.test', settings, left)
    await left.next()
    leaving.close()
    expect(time.pending).toEqual([])
    const staying = watch('api.test')
    const closedAtOnce = new Listener()
    names.watchHost('api.test', settings, closedAtOnce).close()
    await staying.next()
    server.set('api.test', { ttlS: 30, a: ['10.0.0.2'] })
    await nextLookup()
    expect(await staying.next()).toBe('10.0.0.2')
    expect([left.heard, closedAtOnce.heard]).toEqual([['10.0.0.1'], []])
  })
})

describe('a name that fails', () => {
  it.each([
    ['servfail', 'ESERVFAIL'],
    ['nxdomain', 'ENOTFOUND'],
    ['empty', 'ENODATA'],
    ['garbage', 'EBADRESP'],
  ] as const)('keeps its last good answer, and is told once: %s', async (fault, code) => {
    const { server, watch, nextLookup } = await stage()
    server.set('api.test', { ttlS: 30, a: ['10.0.0.1'] })
    const api = watch('api.test')
    await api.next()
    server.misbehave(fault)
    await nextLookup()
    expect(await api.next()).toBe(code)
    for (let times = 0; times < 3; times += 1) await nextLookup()
    server.misbehave(null)
    await nextLookup()
    expect(await api.next()).toBe('recovered')
    expect(api.heard).toEqual(['10.0.0.1', code, 'recovered'])
    server.misbehave(fault)
    await nextLookup()
    expect(await api.next()).toBe(code)
    server.misbehave(null)
    server.set('api.test', { a: ['10.0.0.2'] })
    await nextLookup()
    expect([await api.next(), await api.next()]).toEqual(['10.0.0.2', 'recovered'])
  })

  it('is tried again after pauses that grow to 30 s, and after the TTL again when it has come', async () => {
    const { server, watch, nextLookup } = await stage()
    const api = watch('api.test')
    expect(await api.next()).toBe('ENOTFOUND')
    const pauses: number[] = []
    for (let times = 0; times < 7; times += 1) pauses.push(await nextLookup())
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    server.set('api.test', { ttlS: 10, a: ['10.0.0.1'] })
    await nextLookup()
    expect([await api.next(), await api.next()]).toEqual(['10.0.0.1', 'recovered'])
    server.remove('api.test')
    expect(await nextLookup()).toBe(10_000)
    expect(await api.next()).toBe('ENOTFOUND')
    expect(await nextLookup()).toBe(1000)
    expect(api.heard).toEqual(['ENOTFOUND', '10.0.0.1', 'recovered', 'ENOTFOUND'])
  })

  it('is tried again no later than the longest TTL', async () => {
    const { server, watch, nextLookup } = await stage({ ttlMaxMs: 3000 })
    await watch('api.test').next()
    const pauses: number[] = []
    for (let times = 0; times < 4; times += 1) pauses.push(await nextLookup())
    expect(pauses).toEqual([1000, 2000, 3000, 3000])
    expect(server.queries.length).toBe(2)
  })

  it('does not keep the others from being asked for', async () => {
    const { server, watch, nextLookup } = await stage()
    server.set('api.test', { ttlS: 5, a: ['10.0.0.1'] })
    const gone = watch('gone.test')
    const api = watch('api.test')
    expect([await gone.next(), await api.next()]).toEqual(['ENOTFOUND', '10.0.0.1'])
    server.set('api.test', { ttlS: 5, a: ['10.0.0.2'] })
    expect([await nextLookup(2), await nextLookup(2), await nextLookup(2)]).toEqual([1000, 2000, 2000])
    expect(await api.next()).toBe('10.0.0.2')
  })
})

describe('a service that is watched', () => {
  const name = { kind: 'srv', service: '_http._tcp.api.test' } as const

  it('is told when its hosts, their weights or their addresses change', async () => {
    const { server, names, settings, nextLookup } = await stage()
    const listener = new ServiceListener()
    server.set(name.service, { srv: [{ port: 80, weight: 1, target: 'a.test' }] })
    server.set('a.test', { ttlS: 20, a: ['10.0.0.1'] })
    names.watchService(name, settings, listener)
    await names.resolveAll(10_000)
    await nextLookup()
    server.set(name.service, { srv: [{ port: 80, weight: 2, target: 'a.test' }] })
    expect(await nextLookup()).toBe(20_000)
    await waitFor(() => listener.heard.length === 2)
    server.set('a.test', { ttlS: 20, a: ['10.0.0.2'] })
    await nextLookup()
    await waitFor(() => listener.heard.length === 3)
    expect(listener.heard).toEqual(['10.0.0.1:80*1', '10.0.0.1:80*2', '10.0.0.2:80*2'])
  })

  it('keeps its hosts when it is not found, and loses them when it says that it is not there', async () => {
    const { server, names, settings, nextLookup } = await stage()
    const listener = new ServiceListener()
    server.set(name.service, { srv: [{ port: 80, weight: 1, target: 'a.test' }] })
    server.set('a.test', { a: ['10.0.0.1'] })
    names.watchService(name, settings, listener)
    await names.resolveAll(10_000)
    server.remove(name.service)
    await nextLookup()
    await waitFor(() => listener.heard.length === 2)
    server.set(name.service, { srv: [{ port: 0, target: '.' }] })
    await nextLookup()
    await waitFor(() => listener.heard.length === 4)
    expect(listener.heard).toEqual(['10.0.0.1:80*1', 'ENOTFOUND', '', 'recovered'])
  })
})

describe('close()', () => {
  it('ends look-ups in their middle and all pauses; nobody is told any more', async () => {
    const { server, names, settings, watch, time } = await stage()
    server.set('api.test', { a: ['10.0.0.1'] })
    server.misbehave('silent', 'slow.test')
    const listeners = [watch('api.test'), watch('gone.test'), watch('slow.test')]
    const all = names.resolveAll(60_000)
    await waitFor(() => listeners.slice(0, 2).every(({ heard }) => heard.length === 1))
    await server.asked('slow.test')
    names.close()
    await all
    await waitFor(() => time.pending.length === 0)
    await turns()
    expect(listeners.map(({ heard }) => heard)).toEqual([['10.0.0.1'], ['ENOTFOUND'], []])
    expect(() => names.watchHost('api.test', settings, new Listener())).toThrow(
      'api.test: names are not watched any more',
    )
    names.close()
  })
})

describe('with a real server (dnsmasq)', () => {
  it('a change is told within the TTL', async () => {
    await using dnsmasq = await startDnsmasq({ hosts: { 'api.test': ['10.0.0.1'] }, ttlS: 1 })
    const names = new NameWatch()
    opened.push(names)
    const listener = new Listener()
    const settings = { addresses: [dnsmasq.address], ttlMinMs: 100, ttlMaxMs: 60_000, timeoutMs: 5000 }
    names.watchHost('api.test', settings, listener)
    await names.resolveAll(10_000)
    await dnsmasq.setHosts({ 'api.test': ['10.0.0.2', 'fd00::2'] })
    await waitFor(() => listener.heard.length === 2)
    expect(listener.heard).toEqual(['10.0.0.1', '10.0.0.2 fd00::2'])
  })
})
