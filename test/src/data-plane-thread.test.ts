import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BoundListener, Engine } from '../../engine/threads/api.ts'
import { startEngine } from '../../engine/threads/supervisor.ts'
import { checkConfiguration } from '../../src/config/load.ts'
import { type Log, openLog } from '../../src/telemetry/log.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { refusingPort } from '../support/refusing-port.ts'

let folder: string
let origin: Listening
let refusing: Listening

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-access-'))
  origin = await listenOn(createServer((_, response) => response.end('content')))
  refusing = await refusingPort()
})

afterAll(async () => {
  await origin.close()
  await refusing.close()
  rmSync(folder, { recursive: true })
})

interface AccessLine {
  readonly [field: string]: unknown
}

/** Runs a proxy whose workers write their access lines to a file, and gives the lines when it has ended. */
async function accessLinesOf(
  workers: number,
  access: { enabled: boolean; sample: number },
  use: (port: number, engine: Engine) => Promise<void>,
): Promise<AccessLine[]> {
  const path = join(folder, `${performance.now()}.log`)
  const { snapshot } = checkConfiguration(
    {
      listeners: {
        web: { address: '127.0.0.1:0' },
        flows: { address: '127.0.0.1:0', protocol: 'tcp', upstream: 'app' },
        names: { address: '127.0.0.1:0', protocol: 'tcp', sni: [{ names: '*', upstream: 'gone' }] },
      },
      upstreams: {
        app: { endpoints: [{ address: `127.0.0.1:${origin.port}` }] },
        gone: { endpoints: [{ address: `127.0.0.1:${refusing.port}` }] },
      },
      routes: [
        { name: 'gone', match: { path: '/gone' }, upstream: 'gone' },
        { name: 'teapot', match: { path: '/teapot' }, respond: { status: 418 } },
        { name: 'rest', upstream: 'app' },
      ],
    },
    'test',
  )
  const log: Log = await openLog({ level: 'info', format: 'json', access, workers, destination: path })
  const engine = await startEngine({
    snapshot,
    workers,
    shutdownGraceMs: 1000,
    workerModule: new URL('../../src/data-plane-thread.ts', import.meta.url),
    ownerData: log.workerData(),
  })
  try {
    await use(portOf(engine.listeners[0]!), engine)
  } finally {
    await engine.stop()
    await log.close()
  }
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as AccessLine).filter(({ msg }) => msg === 'access' || msg === 'flow')
}

function portOf({ address }: BoundListener): number {
  return address.kind === 'tcp' ? address.port : 0
}

describe('a data-plane thread of the product', () => {
  it('writes one access line for each exchange, in the order in which they end', async () => {
    const lines = await accessLinesOf(1, { enabled: true, sample: 1 }, async port => {
      for (const path of ['/users/1?a="b"', '/teapot', '/gone']) {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-request-id': 'from outside' } })
        await response.text()
      }
    })
    const common = {
      level: 30,
      method: 'GET',
      protocol: 'HTTP/1.1',
      listener: 'web',
      client: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    }
    expect(lines).toEqual([
      expect.objectContaining({
        ...common,
        target: '/users/1?a=%22b%22',
        status: 200,
        endpoint: `127.0.0.1:${origin.port}`,
        upstream: 'app',
        route: 'rest',
        retries: 0,
        bytes_in: expect.any(Number),
        total_us: expect.any(Number),
        first_byte_us: expect.any(Number),
        connect_us: expect.any(Number),
        request_id: expect.stringMatching(/^\w{8,}$/),
      }),
      expect.objectContaining({
        ...common,
        target: '/teapot',
        status: 418,
        route: 'teapot',
        endpoint: '',
        connect_us: null,
      }),
      expect.objectContaining({ ...common, target: '/gone', status: 502, flag: 'UF', upstream: 'gone' }),
    ])
    expect(Number(lines[0]!.bytes_out)).toBeGreaterThan('content'.length)
    expect(lines[0]).not.toHaveProperty('error')
    expect(lines[2]).toHaveProperty('error')
  })

  it('writes one line for each flow, with what has gone through it and what went wrong', async () => {
    const lines = await accessLinesOf(1, { enabled: true, sample: 1 }, async (_, engine) => {
      for (const listener of engine.listeners.slice(1)) {
        const socket = connect(portOf(listener), '127.0.0.1')
        socket.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        socket.resume()
        await once(socket, 'close')
      }
    })
    const client = expect.stringMatching(/^127\.0\.0\.1:\d+$/)
    expect(lines).toEqual([
      expect.objectContaining({
        msg: 'flow',
        protocol: 'tcp',
        listener: 'flows',
        client,
        upstream: 'app',
        endpoint: `127.0.0.1:${origin.port}`,
        bytes_in: 46,
        bytes_out: expect.any(Number),
        first_byte_us: expect.any(Number),
      }),
      expect.objectContaining({ msg: 'flow', listener: 'names', upstream: '', flag: 'NR', error: 'no_flow_route' }),
    ])
    expect(lines[0]).not.toHaveProperty('error')
    expect(Number(lines[0]!.bytes_out)).toBeGreaterThan('content'.length)
  })

  it('escapes what a client sends, so that a line stays a line', async () => {
    const lines = await accessLinesOf(1, { enabled: true, sample: 1 }, async port => {
      const socket = connect(port, '127.0.0.1')
      socket.end('GET /"},{"level":60 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
      socket.resume()
      await once(socket, 'close')
    })
    expect(lines.length).toBe(1)
  })

  it('writes nothing where access lines are off', async () => {
    const lines = await accessLinesOf(1, { enabled: false, sample: 1 }, async port => {
      await (await fetch(`http://127.0.0.1:${port}/`)).text()
    })
    expect(lines).toEqual([])
  })

  it('loses no line between several workers', async () => {
    const lines = await accessLinesOf(2, { enabled: true, sample: 1 }, async port => {
      const requests = Array.from({ length: 200 }, async (_, index) => {
        await (await fetch(`http://127.0.0.1:${port}/${index}`, { headers: { connection: 'close' } })).text()
      })
      await Promise.all(requests)
    })
    const targets = lines.map(line => Number(String(line.target).slice(1))).toSorted((a, b) => a - b)
    expect(targets).toEqual(Array.from({ length: 200 }, (_, index) => index))
  })
})
