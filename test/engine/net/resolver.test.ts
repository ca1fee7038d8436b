import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { ResolveError } from '../../../engine/net/resolve-error.ts'
import { Resolver, type ResolverOptions } from '../../../engine/net/resolver.ts'
import type { ResolverSnapshot, ServiceName } from '../../../engine/snapshot.ts'
import { type DnsFault, type DnsServer, startDnsServer } from '../../support/dns-server.ts'
import { startDnsmasq } from '../../support/dnsmasq.ts'
import { HandTime } from '../../support/hand-time.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

const opened: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
})

const time = new HandTime()

function resolverFor(settings: Partial<ResolverSnapshot>, options: ResolverOptions = {}): Resolver {
  const whole = { addresses: [], ttlMinMs: 1000, ttlMaxMs: 3_600_000, timeoutMs: 5000, ...settings }
  const resolver = new Resolver(whole, { time, ...options })
  opened.unshift(resolver)
  return resolver
}

async function dnsServer(): Promise<DnsServer> {
  const server = await startDnsServer()
  opened.push(server)
  return server
}

/** A server, and a resolver that asks it alone. */
async function pair(settings: Partial<ResolverSnapshot> = {}): Promise<{ server: DnsServer; resolver: Resolver }> {
  const server = await dnsServer()
  return { server, resolver: resolverFor({ addresses: [server.address], ...settings }) }
}

function service(name: string): ServiceName {
  return { kind: 'srv', service: name }
}

async function codeOf(answer: Promise<unknown>): Promise<string> {
  const error = await answer.then(
    () => null,
    (failure: unknown) => failure,
  )
  expect(error).toBeInstanceOf(ResolveError)
  return (error as ResolveError).code
}

/** Lets time pass until it settles: what a server ignores ends by its deadline only. */
async function settled(answer: Promise<unknown>): Promise<void> {
  let done = false
  const end = () => {
    done = true
  }
  answer.then(end, end)
  await turns(5)
  await waitFor(() => {
    if (!done) time.advance(1000)
    return done
  })
}

describe('the addresses of a host', () => {
  it('are those of its A and AAAA records, in an order of their own', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { ttlS: 30, a: ['10.0.0.2', '10.0.0.10', '10.0.0.2'], aaaa: ['fd00::2', '2001:db8::1'] })
    const answer = await resolver.addresses('api.test')
    expect(answer).toEqual({ addresses: ['10.0.0.10', '10.0.0.2', '2001:db8::1', 'fd00::2'], ttlMs: 30_000 })
    server.set('api.test', { ttlS: 30, a: ['10.0.0.10', '10.0.0.2'], aaaa: ['2001:db8::1', 'fd00::2'] })
    expect(await resolver.addresses('api.test', { fresh: true })).toEqual(answer)
  })

  it('are both asked for at once', async () => {
    const { server, resolver } = await pair()
    server.misbehave('silent')
    const answer = resolver.addresses('api.test')
    await waitFor(() => server.queries.length === 2)
    expect(server.queries.map(query => query.type).toSorted()).toEqual(['A', 'AAAA'])
    time.advance(5000)
    expect(await codeOf(answer)).toBe('ETIMEDOUT')
  })

  it.each([
    ['IPv4', { a: ['10.0.0.1'] }, ['10.0.0.1']],
    ['IPv6', { aaaa: ['fd00::1'] }, ['fd00::1']],
    ['another name', { cname: 'other.test' }, ['10.9.9.9', 'fd00::9']],
  ])('may be of one kind only: %s', async (_, records, addresses) => {
    const { server, resolver } = await pair()
    server.set('other.test', { a: ['10.9.9.9'], aaaa: ['fd00::9'] })
    server.set('api.test', records)
    expect(await resolver.addresses('api.test')).toMatchObject({ addresses })
  })

  it('are themselves for literals, for ever and without asking', async () => {
    const { server, resolver } = await pair()
    for (const host of ['127.0.0.1', '::1', 'fd00::a:1']) {
      expect(await resolver.addresses(host)).toEqual({ addresses: [host], ttlMs: Number.POSITIVE_INFINITY })
    }
    expect(server.queries).toEqual([])
  })

  it('are the same however the name is written', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { a: ['10.0.0.1'] })
    server.set('xn--bcher-kva.test', { a: ['10.0.0.2'] })
    for (const host of ['api.test', 'API.Test', 'api.test.']) {
      expect(await resolver.addresses(host)).toMatchObject({ addresses: ['10.0.0.1'] })
    }
    expect(server.queries.length).toBe(2)
    expect(await resolver.addresses('Bücher.test')).toMatchObject({ addresses: ['10.0.0.2'] })
  })

  it('come by TCP when they are too many for a datagram', async () => {
    const { server, resolver } = await pair()
    const many = Array.from({ length: 200 }, (_, index) => `10.0.1.${index}`)
    server.set('many.test', { a: many })
    const { addresses } = await resolver.addresses('many.test')
    expect(addresses).toEqual(many.toSorted())
    expect(server.queries).toContainEqual({ name: 'many.test', type: 'A', transport: 'tcp' })
  })

  it('are found for 100 names at once, and for 1,000', async () => {
    const { server, resolver } = await pair()
    for (const count of [100, 1000]) {
      const names = Array.from({ length: count }, (_, index) => `host-${index}.of-${count}.test`)
      for (const [index, name] of names.entries()) server.set(name, { a: [`10.1.${index >> 8}.${index & 255}`] })
      const answers = await Promise.all(names.map(name => resolver.addresses(name)))
      expect(answers.map(answer => answer.addresses.length)).toEqual(names.map(() => 1))
      expect(new Set(answers.flatMap(answer => answer.addresses)).size).toBe(count)
    }
  })
})

describe('the TTL of an answer', () => {
  it.each([
    ['that of the records', 30, 30_000],
    ['the lower bound', 1, 10_000],
    ['the lower bound for none', 0, 10_000],
    ['the upper bound', 86_400, 60_000],
    ['the upper bound for the longest', 2 ** 31 - 1, 60_000],
  ])('is %s', async (_, ttlS, ttlMs) => {
    const { server, resolver } = await pair({ ttlMinMs: 10_000, ttlMaxMs: 60_000 })
    server.set('api.test', { ttlS, a: ['10.0.0.1'] })
    expect((await resolver.addresses('api.test')).ttlMs).toBe(ttlMs)
  })

  it('is the shortest of all that belong to it', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { ttlS: 7, cname: 'long.test' })
    server.set('long.test', { ttlS: 90, a: ['10.0.0.1'], aaaa: ['fd00::1'] })
    expect((await resolver.addresses('api.test')).ttlMs).toBe(7000)
  })

  it('is for how long nobody is asked again', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { ttlS: 30, a: ['10.0.0.1'] })
    await resolver.addresses('api.test')
    server.set('api.test', { ttlS: 30, a: ['10.0.0.2'] })
    time.advance(29_000)
    expect(await resolver.addresses('api.test')).toEqual({ addresses: ['10.0.0.1'], ttlMs: 1000 })
    expect(server.queries.length).toBe(2)
    time.advance(1000)
    expect(await resolver.addresses('api.test')).toEqual({ addresses: ['10.0.0.2'], ttlMs: 30_000 })
  })

  it('does not hold for who asks for a fresh answer', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { a: ['10.0.0.1'] })
    await resolver.addresses('api.test')
    server.set('api.test', { a: ['10.0.0.2'] })
    expect(await resolver.addresses('api.test', { fresh: true })).toMatchObject({ addresses: ['10.0.0.2'] })
    expect(await resolver.addresses('api.test')).toMatchObject({ addresses: ['10.0.0.2'] })
  })
})

describe('a service', () => {
  it('has the hosts of its records, with their addresses, ports, priorities and weights', async () => {
    const { server, resolver } = await pair()
    server.set('_http._tcp.api.test', {
      srv: [
        { priority: 20, weight: 0, port: 8080, target: 'c.test' },
        { priority: 10, weight: 60, port: 8081, target: 'b.test' },
        { priority: 10, weight: 40, port: 8080, target: 'A.test' },
      ],
    })
    server.set('a.test', { ttlS: 40, a: ['10.0.0.1'], aaaa: ['fd00::1'] })
    server.set('b.test', { ttlS: 20, a: ['10.0.0.3', '10.0.0.2'] })
    server.set('c.test', { ttlS: 90, aaaa: ['fd00::3'] })
    expect(await resolver.service(service('_http._tcp.api.test'))).toEqual({
      targets: [
        { host: 'a.test', port: 8080, priority: 10, weight: 40, addresses: ['10.0.0.1', 'fd00::1'] },
        { host: 'b.test', port: 8081, priority: 10, weight: 60, addresses: ['10.0.0.2', '10.0.0.3'] },
        { host: 'c.test', port: 8080, priority: 20, weight: 0, addresses: ['fd00::3'] },
      ],
      ttlMs: 20_000,
    })
  })

  it('has no hosts when its record says so', async () => {
    const { server, resolver } = await pair()
    server.set('_http._tcp.api.test', { srv: [{ port: 0, target: '.' }] })
    expect(await resolver.service(service('_http._tcp.api.test'))).toEqual({ targets: [], ttlMs: 5000 })
  })

  it('leaves out a host that does not resolve, and fails when none does', async () => {
    const { server, resolver } = await pair()
    const srv = [
      { port: 1, target: 'gone.test' },
      { port: 2, target: 'here.test' },
    ]
    server.set('_http._tcp.api.test', { srv })
    server.set('here.test', { a: ['10.0.0.1'] })
    const { targets } = await resolver.service(service('_http._tcp.api.test'))
    expect(targets.map(target => target.host)).toEqual(['here.test'])
    server.remove('here.test')
    const failed = resolver.service(service('_http._tcp.api.test'), { fresh: true })
    await expect(failed).rejects.toMatchObject({
      code: 'ENOTFOUND',
      host: '_http._tcp.api.test',
      message: '_http._tcp.api.test: gone.test: the name does not exist',
    })
  })

  it('keeps the addresses of a host whose server fails', async () => {
    const { server, resolver } = await pair()
    server.set('_http._tcp.api.test', { srv: [{ port: 1, target: 'a.test' }] })
    server.set('a.test', { a: ['10.0.0.1'] })
    const before = await resolver.service(service('_http._tcp.api.test'))
    server.misbehave('servfail', 'a.test')
    const after = await resolver.service(service('_http._tcp.api.test'), { fresh: true })
    expect(after).toEqual({ targets: before.targets, ttlMs: 5000 })
  })

  it('is asked again after a while, though its hosts be literals', async () => {
    const { server, resolver } = await pair()
    server.set('_http._tcp.api.test', { srv: [{ port: 1, target: '10.0.0.1' }] })
    const { targets, ttlMs } = await resolver.service(service('_http._tcp.api.test'))
    expect([targets[0]?.addresses, ttlMs]).toEqual([['10.0.0.1'], 5000])
  })

  it.each(['ENOTFOUND', 'ENODATA'])('that is not there is an error: %s', async code => {
    const { server, resolver } = await pair()
    if (code === 'ENODATA') server.set('_http._tcp.api.test', { a: ['10.0.0.1'] })
    expect(await codeOf(resolver.service(service('_http._tcp.api.test')))).toBe(code)
  })

  it('takes no longer than the deadline, its hosts included', async () => {
    const { server, resolver } = await pair()
    server.set('_http._tcp.api.test', { srv: [{ port: 1, target: 'a.test' }] })
    server.misbehave('silent', 'a.test')
    const answer = resolver.service(service('_http._tcp.api.test'))
    await server.asked('a.test')
    time.advance(5000)
    expect(await codeOf(answer)).toBe('ETIMEDOUT')
  })
})

describe('a server that does not answer as it should', () => {
  it.each<[DnsFault, string]>([
    ['servfail', 'ESERVFAIL'],
    ['refused', 'EREFUSED'],
    ['nxdomain', 'ENOTFOUND'],
    ['empty', 'ENODATA'],
    ['garbage', 'EBADRESP'],
    ['cut', 'EBADRESP'],
    ['silent', 'ETIMEDOUT'],
    ['stranger', 'ETIMEDOUT'],
  ])('fails the look-up: %s', async (fault, code) => {
    const { server, resolver } = await pair()
    server.set('api.test', { a: ['10.0.0.1'], aaaa: ['fd00::1'] })
    server.set('_http._tcp.api.test', { srv: [{ port: 1, target: 'api.test' }] })
    server.misbehave(fault)
    const answers = [resolver.addresses('api.test'), resolver.service(service('_http._tcp.api.test'))]
    const codes = Promise.all(answers.map(codeOf))
    if (code === 'ETIMEDOUT') await settled(codes)
    expect(await codes).toEqual([code, code])
    server.misbehave(null)
    expect(await resolver.addresses('api.test')).toMatchObject({ addresses: ['10.0.0.1', 'fd00::1'] })
  })

  it('costs one kind of address only, if it fails for that alone', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { ttlS: 60, a: ['10.0.0.1'], aaaa: ['fd00::1'] })
    server.misbehave('servfail', 'api.test', 'AAAA')
    expect(await resolver.addresses('api.test')).toEqual({ addresses: ['10.0.0.1'], ttlMs: 5000 })
    server.misbehave('silent', 'api.test', 'AAAA')
    const late = resolver.addresses('api.test', { fresh: true })
    await settled(late)
    expect(await late).toEqual({ addresses: ['10.0.0.1'], ttlMs: 5000 })
  })

  it('takes away no address that was good: the last ones of that kind go on', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { ttlS: 60, a: ['10.0.0.1'], aaaa: ['fd00::1'] })
    await resolver.addresses('api.test')
    server.set('api.test', { ttlS: 60, a: ['10.0.0.2'], aaaa: ['fd00::2'] })
    server.misbehave('servfail', 'api.test', 'AAAA')
    const partly = await resolver.addresses('api.test', { fresh: true })
    expect(partly).toEqual({ addresses: ['10.0.0.2', 'fd00::1'], ttlMs: 5000 })
    server.misbehave('empty', 'api.test', 'AAAA')
    expect(await resolver.addresses('api.test', { fresh: true })).toMatchObject({ addresses: ['10.0.0.2'] })
  })

  it('never makes anything but an answer or an error, whatever it sends', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { a: ['10.0.0.1', '10.0.0.2'], aaaa: ['fd00::1'] })
    server.set('_http._tcp.api.test', { srv: [{ port: 1, target: 'api.test' }] })
    const damages = fc.array(fc.tuple(fc.nat(120), fc.nat(255)), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(damages, fc.option(fc.nat(100)), async (bytes, length) => {
        server.misbehave(answer => {
          const damaged = Buffer.from(answer.subarray(0, 2 + (length ?? answer.length)))
          for (const [at, value] of bytes) if (at >= 2 && at < damaged.length) damaged[at] = value
          return damaged
        })
        const host = resolver.addresses('api.test', { fresh: true })
        const hosts = resolver.service(service('_http._tcp.api.test'), { fresh: true })
        await settled(Promise.allSettled([host, hosts]))
        for (const answer of [host, hosts]) {
          const error = await answer.then(
            () => null,
            (failure: unknown) => failure,
          )
          if (error !== null) expect(error).toBeInstanceOf(ResolveError)
        }
      }),
      { numRuns: 150 },
    )
  })
})

describe('names that cannot be', () => {
  it.each(['', '.', 'a..b', 'a b', 'x'.repeat(64), `${'x.'.repeat(200)}y`, 'a\0b'])('are refused: %j', async host => {
    const { server, resolver } = await pair()
    expect(['EBADNAME', 'ENOTFOUND']).toContain(await codeOf(resolver.addresses(host)))
    expect(['EBADNAME', 'ENOTFOUND']).toContain(await codeOf(resolver.service(service(host))))
    expect(server.queries.filter(query => query.name !== 'a b')).toEqual([])
  })
})

describe('look-ups of the same name', () => {
  it('are one while it is under way', async () => {
    const { server, resolver } = await pair()
    server.set('api.test', { a: ['10.0.0.1'] })
    const answers = await Promise.all([
      resolver.addresses('api.test'),
      resolver.addresses('API.test', { fresh: true }),
      resolver.addresses('api.test'),
    ])
    expect(answers[1]).toEqual(answers[0])
    expect(server.queries.length).toBe(2)
  })

  it('fail together, and are asked again by who comes later', async () => {
    const { server, resolver } = await pair()
    const failed = await Promise.all([resolver.addresses('api.test'), resolver.addresses('api.test')].map(codeOf))
    expect(failed).toEqual(['ENOTFOUND', 'ENOTFOUND'])
    server.set('api.test', { a: ['10.0.0.1'] })
    expect(await resolver.addresses('api.test')).toMatchObject({ addresses: ['10.0.0.1'] })
  })

  it('go on for the others when one gives up', async () => {
    const { server, resolver } = await pair()
    server.misbehave('silent')
    const leaving = new AbortController()
    const left = resolver.addresses('api.test', { signal: leaving.signal })
    const staying = resolver.addresses('api.test')
    await server.asked('api.test')
    leaving.abort()
    expect(await codeOf(left)).toBe('ECANCELLED')
    expect(await codeOf(resolver.addresses('api.test', { signal: leaving.signal }))).toBe('ECANCELLED')
    time.advance(5000)
    expect(await codeOf(staying)).toBe('ETIMEDOUT')
  })
})

describe('the system as resolver', () => {
  /** Servers and a hosts file as this machine might have them. */
  async function system(hosts: string, settings: Partial<ResolverSnapshot> = {}) {
    const folder = await temporaryFolder()
    onTestFinished(() => folder[Symbol.asyncDispose]())
    const hostsPath = folder.file('hosts')
    await writeFile(hostsPath, hosts)
    const server = await dnsServer()
    const resolver = resolverFor(settings, { hostsPath, systemServers: [server.address] })
    return { server, resolver, hostsPath }
  }

  it('takes a name from the hosts file before it asks a server', async () => {
    const { server, resolver } = await system('10.0.0.1 api.test\nfd00::1 api.test\n')
    server.set('api.test', { a: ['10.9.9.9'] })
    expect(await resolver.addresses('api.test')).toEqual({ addresses: ['10.0.0.1', 'fd00::1'], ttlMs: 5000 })
    expect(server.queries).toEqual([])
  })

  it('sees what changes in the hosts file', async () => {
    const { server, resolver, hostsPath } = await system('10.0.0.1 api.test\n')
    server.set('api.test', { a: ['10.9.9.9'] })
    await resolver.addresses('api.test')
    await writeFile(`${hostsPath}.new`, '10.0.0.2 api.test\n')
    await rename(`${hostsPath}.new`, hostsPath)
    expect(await resolver.addresses('api.test', { fresh: true })).toMatchObject({ addresses: ['10.0.0.2'] })
    await writeFile(hostsPath, '')
    expect(await resolver.addresses('api.test', { fresh: true })).toMatchObject({ addresses: ['10.9.9.9'] })
  })

  it("asks the system's servers, for the TTL that they tell", async () => {
    const { server, resolver } = await system('')
    server.set('api.test', { ttlS: 77, a: ['10.0.0.1'] })
    expect(await resolver.addresses('api.test')).toEqual({ addresses: ['10.0.0.1'], ttlMs: 77_000 })
  })

  it('knows localhost by itself, and asks nobody', async () => {
    const { server, resolver } = await system('')
    const { addresses, ttlMs } = await resolver.addresses('localhost')
    expect(addresses).toContain('127.0.0.1')
    expect(ttlMs).toBe(5000)
    expect(server.queries).toEqual([])
  })

  it('fails as the server did when the machine does not know the name either', async () => {
    const { server, resolver } = await system('')
    expect(await codeOf(resolver.addresses('nobody.invalid'))).toBe('ENOTFOUND')
    server.misbehave('servfail')
    expect(await codeOf(resolver.addresses('nobody.invalid'))).toBe('ESERVFAIL')
  })

  it('is the one that this machine has, where nothing is said', async () => {
    const resolver = resolverFor({})
    expect((await resolver.addresses('localhost')).addresses).toContain('127.0.0.1')
  })

  it('is not asked where servers are named', async () => {
    const { server, resolver } = await pair()
    expect(await codeOf(resolver.addresses('localhost'))).toBe('ENOTFOUND')
    expect(server.queries.length).toBe(2)
  })
})

describe('close()', () => {
  it('ends what is under way, and everything after it', async () => {
    const { server, resolver } = await pair()
    const idle = time.pending.length
    server.set('_http._tcp.api.test', { srv: [{ port: 1, target: 'api.test' }] })
    server.misbehave('silent', 'api.test')
    const underWay = [
      resolver.addresses('api.test'),
      resolver.service(service('_http._tcp.api.test')),
      ...Array.from({ length: 200 }, (_, index) => resolver.addresses(`host-${index}.test`)),
    ]
    await server.asked('api.test')
    resolver.close()
    const codes = await Promise.all(underWay.map(codeOf))
    expect(new Set(codes)).toEqual(new Set(['ECANCELLED']))
    await waitFor(() => time.pending.length === idle)
    expect(await codeOf(resolver.addresses('api.test'))).toBe('ECANCELLED')
    expect(await codeOf(resolver.service(service('_http._tcp.api.test')))).toBe('ECANCELLED')
    resolver.close()
  })

  it("leaves the system's own look-up alone that would have come next", async () => {
    const server = await dnsServer()
    server.misbehave('silent')
    const resolver = resolverFor({}, { systemServers: [server.address], hostsPath: '/dev/null' })
    const answer = resolver.addresses('nowhere.test')
    await server.asked('nowhere.test')
    resolver.close()
    expect(await codeOf(answer)).toBe('ECANCELLED')
    await turns()
    expect(process.getActiveResourcesInfo()).not.toContain('GetAddrInfoReqWrap')
  })

  it('leaves nothing behind that would keep a process alive', async () => {
    const server = await dnsServer()
    server.misbehave('silent')
    const module = new URL('../../../engine/net/resolver.ts', import.meta.url)
    const script = `
      import { Resolver } from ${JSON.stringify(module.href)}
      const settings = { addresses: ['${server.address}'], ttlMinMs: 0, ttlMaxMs: 1000, timeoutMs: 600_000 }
      const resolver = new Resolver(settings)
      resolver.addresses('api.test').catch(error => console.log(error.code))
      process.stdin.once('data', () => {
        process.stdin.destroy()
        resolver.close()
      })
    `
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    await server.asked('api.test')
    child.stdin.write('now')
    const [code] = await once(child, 'close')
    expect([code, output]).toEqual([0, 'ECANCELLED\n'])
  })
})

describe('with a real server (dnsmasq)', () => {
  const hosts = { 'api.test': ['10.0.0.1', '10.0.0.2', 'fd00::1'], 'db.test': ['10.0.1.1'] }
  const services = {
    '_http._tcp.api.test': [
      { priority: 10, weight: 5, port: 8080, target: 'api.test' },
      { priority: 20, weight: 0, port: 8081, target: 'db.test' },
    ],
  }

  it('finds addresses with their TTL, services, and what is not there', async () => {
    await using dnsmasq = await startDnsmasq({ hosts, services, ttlS: 42 })
    const resolver = resolverFor({ addresses: [dnsmasq.address] })
    const addresses = ['10.0.0.1', '10.0.0.2', 'fd00::1']
    expect(await resolver.addresses('api.test')).toEqual({ addresses, ttlMs: 42_000 })
    expect(await resolver.service(service('_http._tcp.api.test'))).toEqual({
      targets: [
        { host: 'api.test', port: 8080, priority: 10, weight: 5, addresses },
        { host: 'db.test', port: 8081, priority: 20, weight: 0, addresses: ['10.0.1.1'] },
      ],
      ttlMs: 42_000,
    })
    expect(await codeOf(resolver.addresses('nobody.test'))).toBe('ENOTFOUND')
    expect(await codeOf(resolver.addresses('_http._tcp.api.test'))).toBe('ENODATA')
    expect(await codeOf(resolver.addresses('example.org'))).toBe('EREFUSED')
  })

  it('sees a change when the TTL is over', async () => {
    await using dnsmasq = await startDnsmasq({ hosts, ttlS: 42 })
    const resolver = resolverFor({ addresses: [dnsmasq.address] })
    await resolver.addresses('api.test')
    await dnsmasq.setHosts({ 'api.test': ['10.0.0.3'] })
    time.advance(41_999)
    expect((await resolver.addresses('api.test')).addresses.length).toBe(3)
    time.advance(1)
    expect(await resolver.addresses('api.test')).toMatchObject({ addresses: ['10.0.0.3'] })
  })

  it('answers 1,000 names at once', async () => {
    const names = Array.from({ length: 1000 }, (_, index) => `host-${index}.test`)
    await using dnsmasq = await startDnsmasq({ hosts: Object.fromEntries(names.map(name => [name, ['10.0.0.1']])) })
    await using dead = await refusingPort()
    const resolver = resolverFor({ addresses: [`127.0.0.1:${dead.port}`, dnsmasq.address] })
    const answers = await Promise.all(names.map(name => resolver.addresses(name)))
    expect(answers.length).toBe(1000)
  })
})
