import { describe, expect, test } from 'vitest'
import { paintFor, plain } from '../../../src/cli/colours.ts'
import { renderStatus } from '../../../src/cli/status-text.ts'
import type { InstanceStatus } from '../../../src/control/methods.ts'
import { answering, startInstance } from './instance.ts'

const ENDPOINT = {
  upstream: 'api',
  name: '10.0.0.1:80',
  address: { kind: 'tcp', host: '10.0.0.1', port: 80 },
  state: 'up',
  weight: 2,
  backup: false,
  priority: 0,
  requests: 3,
  connections: -1,
  tries: 1000,
  goodTries: 999,
  ejections: 0,
  firstByteUs: 0,
  responseUs: 0,
} as const

const STATUS: InstanceStatus = {
  version: '0.1.0',
  node: 'v26.0.0',
  pid: 42,
  state: 'running',
  startedAtMs: 0,
  uptimeMs: 93_784_000,
  rssBytes: 99 * 1024 * 1024,
  configuration: { file: '/etc/sluice.yaml', hash: 'abcdef0123456789', generation: 7, warnings: [], lastReload: null },
  workers: [
    { worker: 0, state: 'running', startedAtMs: Date.now(), restarts: 0, connectionsOpen: 5, exchangesActive: 3 },
    { worker: 1, state: 'dead', startedAtMs: Date.now(), restarts: 2, connectionsOpen: 0, exchangesActive: 0 },
  ],
  listeners: [
    {
      name: 'web',
      address: { kind: 'tcp', host: '::1', port: 443 },
      scheme: 'https',
      protocols: ['h2', 'http/1.1'],
      clientCertificates: 'require',
      leadsToHttps: false,
      upstreams: [],
    },
    {
      name: 'plain',
      address: { kind: 'tcp', host: '::1', port: 80 },
      scheme: 'http',
      protocols: ['h2c', 'http/1.1'],
      clientCertificates: 'none',
      leadsToHttps: true,
      upstreams: [],
    },
    {
      name: 'local',
      address: { kind: 'unix', path: '/run/web.sock' },
      scheme: 'http',
      protocols: ['http/1.1'],
      clientCertificates: 'none',
      leadsToHttps: false,
      upstreams: [],
    },
  ],
  upstreams: [
    {
      name: 'api',
      protocol: 'auto',
      tls: true,
      circuit: 'closed',
      endpoints: [
        ENDPOINT,
        { ...ENDPOINT, name: '10.0.0.2:80', state: 'circuit_open', backup: true, priority: 1, connections: 4 },
      ],
    },
    { name: 'dark', protocol: 'http', tls: false, circuit: 'open', endpoints: [] },
  ],
  certificates: [],
  problems: [],
  acme: [],
  stats: {
    connectionsOpen: 5,
    connectionsTotal: 50,
    exchangesActive: 3,
    exchangesTotal: 1234,
    bytesIn: 2048,
    bytesOut: 5_000_000,
    statusClasses: [1, 0, 1200, 0, 30, 3],
    retries: 4,
    hedges: 0,
    mirrored: 0,
    mirrorsDropped: 0,
    handshakes: { total: 0, resumed: 0, failed: 0 },
    flows: { active: 0, total: 0, evicted: 0, datagramsDropped: 0 },
    connectionsRefused: 0,
    latencyUs: { count: 1234, p50: 850, p90: 1200, p99: 12_000, p999: 100_000, max: 2_500_000 },
  },
  droppedLines: 0,
}

describe('the page of sluice status', () => {
  test('has everything in columns', () => {
    expect(renderStatus(STATUS, plain)).toBe(`sluice 0.1.0   process 42, Node.js v26.0.0, 99 MiB of memory
state          running, up for 1d 2h
configuration  /etc/sluice.yaml
generation     7 (abcdef012345)

workers  state    connections  requests  restarts  up for
  0      running  5            3         0         0s
  1      dead     0            0         2         0s

listeners  address             speaks
  web      [::1]:443           https (h2, http/1.1), wants certificates
  plain    [::1]:80            http, leads to https
  local    unix:/run/web.sock  http (http/1.1)

upstreams        state         weight  requests  connections  tries  good   role
  api            1 of 2 up             6                                    auto
    10.0.0.1:80  up            2       3         -            1000   99.9%
    10.0.0.2:80  circuit open  2       3         4            1000   99.9%  backup, priority 1
  dark           circuit open          0

requests
  in all        1234, 3 under way
  connections   50, 5 open
  answers       none 1, 2xx 1200, 4xx 30, 5xx 3
  bytes         2 KiB in, 4.77 MiB out
  second tries  4 retries, 0 hedges
  latency       p50 850 µs, p90 1.2 ms, p99 12 ms, p99.9 100 ms, max 2.5 s
`)
  })

  test('has what listeners of TCP and UDP lead to, and counts flows where there were any', () => {
    const flow = { clientCertificates: 'none', leadsToHttps: false } as const
    const at = (name: string, port: number) => ({ name, address: { kind: 'tcp', host: '::', port } as const })
    const listeners = [
      { ...at('pg', 5432), ...flow, scheme: 'tcp', protocols: [], upstreams: ['pg'] },
      { ...at('names', 443), ...flow, scheme: 'tls', protocols: ['postgresql'], upstreams: ['pg', 'web'] },
      { ...at('dns', 53), ...flow, scheme: 'udp', protocols: [], upstreams: ['dns'] },
    ] as const
    const flows = { active: 2, total: 40, evicted: 3, datagramsDropped: 1 }
    const upstreams = [{ name: 'pg', protocol: 'http', tls: true, circuit: null, endpoints: [ENDPOINT] }] as const
    const stats = { ...STATUS.stats, flows, connectionsRefused: 7 }
    const page = renderStatus({ ...STATUS, listeners, upstreams, stats }, plain)
    expect(page).toMatch(/\n {2}pg +1 of 1 up +3 +tls\n/)
    expect(page).toContain(`listeners  address    speaks
  pg       [::]:5432  tcp, to pg
  names    [::]:443   tls (postgresql), to pg, web
  dns      [::]:53    udp, to dns
`)
    expect(page).toMatch(/\n {2}flows +40 ended, 2 under way\n {2}flows ended early +3, for want of room\n/)
    expect(page).toMatch(/\n {2}datagrams +1 dropped\n {2}refused +7 connections\n/)
  })

  test('says what went wrong, and rates where there is something to compare with', () => {
    const lastReload = { atMs: Date.now(), ok: false, message: 'a.yaml:1:2: x: is wrong\nmore' }
    const status = {
      ...STATUS,
      droppedLines: 5,
      state: 'stopping',
      configuration: { ...STATUS.configuration, lastReload },
    } as const
    const before = { ...STATUS, uptimeMs: STATUS.uptimeMs - 2000, stats: { ...STATUS.stats, exchangesTotal: 234 } }
    const page = renderStatus(status, plain, before)
    expect(page).toMatch(/^last reload {4}failed 0s ago: a\.yaml:1:2: x: is wrong$/m)
    expect(page).toMatch(/^state +stopping, up/m)
    expect(page).toMatch(/^ {2}in all +1234, 500\/s, 3 under way$/m)
    expect(page).toMatch(/^ {2}log +5 lines lost$/m)
  })

  test('is the same in colour, but for the colour', () => {
    const coloured = renderStatus(STATUS, paintFor({ isTTY: true }, {}))
    expect(coloured).not.toBe(renderStatus(STATUS, plain))
    expect(coloured.replaceAll(/\u001b\[\d+m/g, '')).toBe(renderStatus(STATUS, plain))
  })
})

describe('sluice status', () => {
  test('tells of the instance that runs, as a page and as JSON', async () => {
    const upstreams = 'upstreams: { api: { endpoints: [{ address: 127.0.0.1:1, weight: 3 }] } }\n'
    await using instance = await startInstance({ 'sluice.yaml': answering('one', upstreams) })
    for (let request = 0; request < 5; request++) await instance.text()
    const page = await instance.folder.run('status')
    expect(page).toMatchObject({ code: 0, stderr: '' })
    expect(page.stdout).toMatch(new RegExp(`^configuration +${instance.folder.file('sluice.yaml')}$`, 'm'))
    expect(page.stdout).toMatch(/^ {4}127\.0\.0\.1:1 +up +3 /m)
    expect(page.stdout).not.toContain('\u001b')
    const json = await instance.folder.run('status', '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({
      pid: instance.command.pid,
      state: 'running',
      configuration: { file: instance.folder.file('sluice.yaml'), generation: 1, lastReload: null },
      workers: [{ worker: 0, state: 'running', restarts: 0 }],
      listeners: [{ name: 'web', address: { kind: 'tcp', host: '127.0.0.1', port: instance.port } }],
      upstreams: [{ name: 'api', circuit: null, endpoints: [{ name: '127.0.0.1:1', weight: 3 }] }],
      stats: { exchangesTotal: 5, statusClasses: [0, 0, 5, 0, 0, 0] },
    })
  })

  test('ends with --watch when whoever reads the pages has gone', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await using watch = instance.folder.start('status', '--watch')
    await watch.until(stdout => (stdout.includes('state') ? true : null))
    watch.stopReading()
    expect(await watch.outcome()).toMatchObject({ code: 0, stderr: '' })
  })

  test('goes on every second with --watch, until it is ended, or the instance ends', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await using watch = instance.folder.start('status', '--watch')
    await watch.until(stdout => ((stdout.match(/^state +running/gm)?.length ?? 0) >= 2 ? true : null))
    instance.command.signal('SIGTERM')
    expect(await watch.outcome()).toMatchObject({
      code: 1,
      stderr: 'sluice: the instance has ended\n',
    })
  })
})
