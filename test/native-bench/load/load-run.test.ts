import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { MessageReader } from '../../../native-bench/frame/http-message.ts'
import { GET } from '../../../native-bench/frame/http-request.ts'
import { LoadRun } from '../../../native-bench/load/load-run.ts'
import type { LoadPlan, StationReport, Work } from '../../../native-bench/load/plan.ts'
import { AnsweringOrigin } from '../../../native-bench/origins/answering.ts'
import { DatagramEcho } from '../../../native-bench/origins/echo.ts'

const WORK: Work = { kind: 'http', request: GET, answerBytes: 2, closes: false }
const STALL_MS = 500

const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Hands every request to `answer`, with its number from 1. */
async function originThat(answer: (socket: Socket, count: number) => void): Promise<number> {
  let count = 0
  const server = createServer(socket => {
    const reader = new MessageReader(() => {
      count += 1
      answer(socket, count)
    })
    socket.on('data', (bytes: Buffer) => reader.read(bytes))
    socket.on('error', () => socket.destroy())
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as { port: number }).port
}

function ok(socket: Socket): void {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
}

function latencyMs({ curve }: StationReport, wanted: number): number {
  return (curve.find(([percentile]) => percentile === wanted)?.[1] ?? Number.NaN) / 1000
}

function run(port: number, plan: Partial<LoadPlan> = {}): Promise<StationReport> {
  return new LoadRun({ port, connections: 4, seconds: 1, rate: 200, work: WORK, ...plan }).run()
}

describe('a run at a fixed rate', () => {
  it('does as many units as are due', async () => {
    const port = await originThat(ok)
    const report = await run(port)
    expect(report.units).toBe(200)
    expect(report.unfinished).toBe(0)
    expect(report.curve.map(([, us]) => us)).toEqual(report.curve.map(([, us]) => us).toSorted((a, b) => a - b))
  })

  it('shows a stall in all units that were due meanwhile, not in those alone that were on their way', async () => {
    const held: Socket[] = []
    let stalls = true
    const port = await originThat((socket, count) => {
      if (count < 50 || !stalls) return ok(socket)
      held.push(socket)
      if (held.length > 1) return
      const resume = () => {
        stalls = false
        for (const waiting of held.splice(0)) ok(waiting)
      }
      setTimeout(resume, STALL_MS)
    })
    const report = await run(port, { seconds: 2 })
    expect(report.units).toBe(400)
    // 100 of 400 units were due in the stall; a generator that waits with its 4 connections would show 4 of them.
    expect(latencyMs(report, 99)).toBeGreaterThan(0.9 * STALL_MS)
    expect(latencyMs(report, 90)).toBeGreaterThan(0.4 * STALL_MS)
  })

  it('counts what has not come at the end by its age, and says how many', async () => {
    const port = await originThat((socket, count) => {
      if (count <= 100) ok(socket)
    })
    const report = await run(port)
    expect([report.units, report.unfinished]).toEqual([100, 100])
    expect(latencyMs(report, 90)).toBeGreaterThan(1000)
  })

  it.each([
    ['another status', 'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno', 'status 502 instead of 200'],
    ['too little content', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nk', '1 bytes of content instead of 2'],
    ['no HTTP', 'HTTP/1.1 200 OK\r\n\r\n', 'a response without Content-Length and chunked coding'],
  ])('fails at %s', async (_, answer, reason) => {
    const port = await originThat((socket, count) => (count < 20 ? ok(socket) : socket.write(answer)))
    await expect(run(port)).rejects.toThrow(reason)
  })

  it('fails where a connection is closed that was to stay open, and where nobody listens', async () => {
    const port = await originThat((socket, count) => (count < 20 ? ok(socket) : socket.destroy()))
    await expect(run(port)).rejects.toThrow('a connection was closed that was to stay open')
    servers.pop()?.close()
    const gone = await originThat(ok)
    const server = servers.pop()
    if (server !== undefined) await new Promise(resolve => server.close(resolve))
    await expect(run(gone)).rejects.toThrow('ECONNREFUSED')
  })
})

describe('the load and the origin of the station', () => {
  it.each<[string, Work]>([
    ['requests', { kind: 'http', request: { ...GET, path: '/16k' }, answerBytes: 16_384, closes: false }],
    [
      'uploads',
      { kind: 'http', request: { ...GET, method: 'POST', contentBytes: 65_536 }, answerBytes: 100, closes: false },
    ],
    [
      'a connection for each request',
      { kind: 'http', request: { ...GET, fields: ['Connection: close'] }, answerBytes: 100, closes: true },
    ],
    ['WebSockets', { kind: 'websocket', payloadBytes: 64 }],
    ['datagrams', { kind: 'datagram', payloadBytes: 64 }],
  ])('understand each other about %s', async (_, work) => {
    const origin = new AnsweringOrigin()
    const port = await origin.listen(0)
    const echo = new DatagramEcho()
    await echo.listen(port)
    const open = await run(port, { work, seconds: 0.2 })
    expect(open.units).toBe(40)
    const closed = await run(port, { work, seconds: 0.1, rate: null })
    expect(closed.units).toBeGreaterThan(0)
    if (work.kind === 'http' && work.request.contentBytes > 0) {
      expect(origin.receivedBytes).toBeGreaterThanOrEqual((open.units + closed.units) * work.request.contentBytes)
    }
    origin.close()
    echo.close()
  })

  it('count no datagram that is not what was sent, and fail where none comes back', async () => {
    const work: Work = { kind: 'datagram', payloadBytes: 64 }
    const plan = { work, connections: 1, seconds: 0.1, rate: null }
    await using changing = await datagramOrigin(bytes => Buffer.concat([bytes, bytes]))
    await expect(run(changing.port, plan)).rejects.toThrow('a datagram came that was not asked for')
    await using silent = await datagramOrigin(() => null)
    await expect(run(silent.port, plan)).rejects.toThrow('not one answer came')
  })
})

async function datagramOrigin(answer: (bytes: Buffer) => Buffer | null): Promise<AsyncDisposable & { port: number }> {
  const socket = createSocket('udp4', (bytes, { port, address }) => {
    const answered = answer(bytes)
    if (answered !== null) socket.send(answered, port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const close = async () => {
    socket.close()
  }
  return { port: socket.address().port, [Symbol.asyncDispose]: close }
}
