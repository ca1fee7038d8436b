import { describe, expect, test } from 'vitest'
import { bench } from '../../../src/bench/bench.ts'
import { BenchError, type BenchProgress } from '../../../src/bench/options.ts'
import { textReport } from '../../../src/bench/report-text.ts'
import { isFlawless } from '../../../src/bench/result.ts'
import { bench as benchFromOutside } from '../../../src/index.ts'
import { recordingOrigin } from '../../support/recording-origin.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { httpOrigin, rawOrigin } from './origin.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const NO_ERRORS = { connect: 0, reset: 0, timeout: 0, malformed: 0 }

describe('a number of requests', () => {
  test('is sent exactly, over all threads, and each thread’s part adds up to it', async () => {
    await using origin = await httpOrigin()
    const result = await bench({ url: origin.url, requests: 997, connections: 6, threads: 2 })
    expect(result).toMatchObject({
      answered: 997,
      statuses: { 200: 997 },
      non2xx: 0,
      errors: NO_ERRORS,
      endedEarly: null,
    })
    expect(origin.requests).toBe(997)
    expect(result.answeredByThread.length).toBe(2)
    expect(result.answeredByThread.reduce((sum, count) => sum + count, 0)).toBe(997)
    expect(result.latency.count).toBe(997)
    expect(result.uncorrectedLatency).toBeNull()
    expect(isFlawless(result)).toBe(true)
  })

  test('may be less than there are connections', async () => {
    await using origin = await httpOrigin()
    expect(await bench({ url: origin.url, requests: 2, connections: 10, threads: 2 })).toMatchObject({ answered: 2 })
    expect(origin.requests).toBe(2)
  })

  test('keeps the connections it has', async () => {
    await using origin = await httpOrigin()
    await bench({ url: origin.url, requests: 200, connections: 4, threads: 2 })
    expect(origin.connections).toBe(4 + 1)
  })
})

describe('a duration', () => {
  test('ends the run, and bytes are counted as they come', async () => {
    await using origin = await httpOrigin((_, response) => response.end('x'.repeat(1000)))
    const result = await bench({ url: origin.url, durationMs: 300, connections: 3, threads: 1 })
    expect(result.answered).toBeGreaterThan(0)
    expect(result.elapsedMs).toBeGreaterThanOrEqual(290)
    expect(result.bytesReceived).toBeGreaterThan(result.answered * 1000)
    expect(result.requestsPerSecond).toBeCloseTo((result.answered * 1000) / result.elapsedMs)
    expect(result.errors).toEqual(NO_ERRORS)
  })
})

test('a duration that ends with requests that wait longer than any answer took says so', async () => {
  // The second request, which is one connection's first, is never answered; all others are.
  await using origin = await rawOrigin((socket, request) => {
    if (request !== 1) socket.write(OK)
  })
  const result = await bench({ url: origin.url, durationMs: 500, connections: 2, threads: 1 })
  expect(result).toMatchObject({ non2xx: 0, errors: NO_ERRORS })
  expect(result.onTheWay.count).toBe(2)
  expect(result.onTheWay.maxUs).toBeGreaterThan(result.latency.maxUs)
  expect(textReport(result)).toMatch(
    /^Unanswered {3}2 requests on the way at the end, one for .*: longer than any answer/m,
  )
})

describe('a rate', () => {
  test('sends rate times duration requests and no more, over two threads', async () => {
    await using origin = await httpOrigin()
    const result = await bench({ url: origin.url, durationMs: 500, rate: 402, connections: 5, threads: 2 })
    expect(result.answered + result.unsent).toBe(201)
    expect(origin.requests).toBe(result.answered)
    expect(result.latency.count).toBe(201)
    expect(result.uncorrectedLatency?.count).toBe(result.answered)
    expect(result.elapsedMs).toBeGreaterThan(499)
  })

  test('with a number of requests sends each of them, however late', async () => {
    await using origin = await httpOrigin()
    const result = await bench({ url: origin.url, requests: 150, rate: 1500, connections: 2, threads: 1 })
    expect(result).toMatchObject({ answered: 150, unsent: 0 })
    expect(result.elapsedMs).toBeGreaterThanOrEqual(100)
  })

  test('counts what found no free connection until the end, with the time that it has waited', async () => {
    // The first answer comes when all of the schedule is due, and there is one connection.
    await using origin = await httpOrigin((_, response) => void setTimeout(() => response.end(), 500))
    const result = await bench({ url: origin.url, durationMs: 400, rate: 100, connections: 1, threads: 1 })
    expect(result.answered + result.unsent).toBe(40)
    expect(result.unsent).toBeGreaterThan(0)
    expect(result.latency.count).toBe(40)
    expect(result.latency.maxUs).toBeGreaterThanOrEqual(490_000)
    expect(isFlawless(result)).toBe(false)
  })

  test('ends where the last connection closes with requests that it did not look at, after time is up', async () => {
    await using origin = await rawOrigin((socket, request) => {
      if (request === 0) setTimeout(() => socket.end(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')), 500)
    })
    const load = { durationMs: 300, rate: 20, connections: 1, threads: 1, pipelining: 4 }
    const result = await bench({ url: origin.url, ...load })
    expect(result).toMatchObject({ answered: 1, unsent: 5, errors: NO_ERRORS, endedEarly: null })
  })
})

describe('the warm-up', () => {
  test('is not counted', async () => {
    await using origin = await httpOrigin()
    const phases = new Set<BenchProgress['phase']>()
    const onProgress = ({ phase }: BenchProgress) => phases.add(phase)
    const result = await bench({ url: origin.url, warmUpMs: 300, requests: 50, connections: 2, threads: 1, onProgress })
    expect(result).toMatchObject({ answered: 50, statuses: { 200: 50 } })
    expect(result.latency.count).toBe(50)
    expect(origin.requests).toBeGreaterThan(50)
    expect(phases).toEqual(new Set(['warm-up', 'measuring']))
  })
})

describe('a request', () => {
  test('arrives as it was asked for', async () => {
    await using origin = await recordingOrigin()
    const headers = [
      ['x-one', '1'],
      ['x-two', 'a'],
      ['x-two', 'b'],
    ] as const
    const url = `http://127.0.0.1:${origin.port}/path?query=1`
    await bench({ url, requests: 3, connections: 1, threads: 1, method: 'PATCH', headers, body: '{"a":1}' })
    expect(origin.malformed).toEqual([])
    expect(origin.requests.length).toBe(3)
    for (const request of origin.requests) {
      expect(request).toMatchObject({ method: 'PATCH', target: '/path?query=1' })
      expect(request.content.toString()).toBe('{"a":1}')
      expect(request.fields.filter(([name]) => name.startsWith('x-'))).toEqual(headers)
    }
  })

  test('has a connection of its own without keep-alive', async () => {
    await using origin = await recordingOrigin()
    const url = `http://127.0.0.1:${origin.port}/`
    const result = await bench({ url, requests: 20, connections: 3, threads: 1, keepAlive: false })
    expect(result).toMatchObject({ answered: 20, errors: NO_ERRORS })
    const used = origin.connections.filter(connection => connection.requests.length > 0)
    expect(used.map(connection => connection.requests.length)).toEqual(Array(20).fill(1))
  })

  test('goes out with others at once where that is asked for', async () => {
    let waiting = 0
    let most = 0
    // Answers four at a time: without pipelining the fourth would never come.
    await using origin = await rawOrigin(socket => {
      waiting += 1
      most = Math.max(most, waiting)
      if (waiting < 4) return
      socket.write(OK.repeat(4))
      waiting = 0
    })
    const result = await bench({ url: origin.url, requests: 40, connections: 1, threads: 1, pipelining: 4 })
    expect(result).toMatchObject({ answered: 40, errors: NO_ERRORS })
    expect(most).toBe(4)
  })

  test('that the target closed the connection on, as announced, is sent again and is no error', async () => {
    await using origin = await rawOrigin((socket, request) => {
      if (request % 5 === 4) socket.end(OK.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
      else if (socket.writable) socket.write(OK)
    })
    const result = await bench({ url: origin.url, requests: 60, connections: 2, threads: 1, pipelining: 3 })
    expect(result).toMatchObject({ answered: 60, errors: NO_ERRORS })
  })
})

describe('an answer', () => {
  test('that is not 2xx is counted apart', async () => {
    let number = 0
    await using origin = await httpOrigin((_, response) => {
      number += 1
      response.statusCode = [200, 201, 302, 404, 503][number % 5] ?? 500
      response.end()
    })
    const result = await bench({ url: origin.url, requests: 50, connections: 1, threads: 1 })
    expect(result.statuses).toEqual({ 200: 10, 201: 10, 302: 10, 404: 10, 503: 10 })
    expect(result).toMatchObject({ answered: 50, non2xx: 30, errors: NO_ERRORS })
    expect(isFlawless(result)).toBe(false)
  })

  test.each([
    ['interim answers before it', 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n', OK],
    [
      'chunks and a trailer section',
      '',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx: y\r\n\r\n',
    ],
    ['no content', '', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ])('with %s is one', async (_, interim, final) => {
    await using origin = await rawOrigin(socket => {
      if (interim !== '') socket.write(interim)
      socket.write(final)
    })
    const result = await bench({ url: origin.url, requests: 20, connections: 2, threads: 1 })
    expect(result).toMatchObject({ answered: 20, non2xx: 0, errors: NO_ERRORS })
  })

  test.each([204, 304])('with %i ends with its head, whatever it says of its length', async status => {
    await using origin = await rawOrigin(socket => socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 50\r\n\r\n`))
    const result = await bench({ url: origin.url, requests: 20, connections: 2, threads: 1, timeoutMs: 2000 })
    expect(result).toMatchObject({ answered: 20, statuses: { [status]: 20 }, errors: NO_ERRORS })
    // And leaves the connection open.
    expect(origin.connections).toBe(2 + 1)
  })

  test('to HEAD has no content, whatever it says', async () => {
    await using origin = await rawOrigin(socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'))
    const result = await bench({ url: origin.url, requests: 20, connections: 1, threads: 1, method: 'HEAD' })
    expect(result).toMatchObject({ answered: 20, errors: NO_ERRORS })
  })

  test('that lasts until the connection ends is whole then', async () => {
    await using origin = await rawOrigin(socket => socket.end('HTTP/1.1 200 OK\r\n\r\nsome content'))
    const result = await bench({ url: origin.url, requests: 10, connections: 2, threads: 1 })
    expect(result).toMatchObject({ answered: 10, errors: NO_ERRORS })
  })
})

describe('a failure', () => {
  test('is a reset where the target cuts the connection, before or within an answer', async () => {
    await using origin = await rawOrigin((socket, request) => {
      if (request % 4 === 1) socket.resetAndDestroy()
      else if (request % 4 === 3) socket.end(OK.slice(0, -1))
      else socket.write(OK)
    })
    const result = await bench({ url: origin.url, requests: 40, connections: 1, threads: 1 })
    expect(result).toMatchObject({ answered: 20, statuses: { 200: 20 }, errors: { ...NO_ERRORS, reset: 20 } })
    expect(isFlawless(result)).toBe(false)
  })

  test('is a timeout where no whole answer comes in time', async () => {
    await using origin = await rawOrigin((socket, request) => {
      socket.write(request === 1 ? OK.slice(0, -1) : OK)
    })
    const result = await bench({ url: origin.url, requests: 4, connections: 1, threads: 1, timeoutMs: 1000 })
    expect(result).toMatchObject({ answered: 3, errors: { ...NO_ERRORS, timeout: 1 } })
  })

  test('is malformed where what comes is not HTTP', async () => {
    await using origin = await rawOrigin((socket, request) => {
      socket.write(request === 0 ? 'SSH-2.0-x\r\n' : OK)
    })
    const result = await bench({ url: origin.url, requests: 3, connections: 1, threads: 1 })
    expect(result).toMatchObject({ answered: 2, errors: { ...NO_ERRORS, malformed: 1 } })
  })
})

describe('a target that cannot be reached', () => {
  test('is one message before anything else happens', async () => {
    await using port = await refusingPort()
    const run = bench({ url: `http://127.0.0.1:${port.port}/`, requests: 1000 })
    await expect(run).rejects.toThrow(
      new BenchError(`cannot connect to http://127.0.0.1:${port.port}: nothing listens there (ECONNREFUSED)`),
    )
  })

  test('any more ends the run, with what was measured', async () => {
    await using origin = await rawOrigin((socket, request) => {
      socket.write(OK)
      if (request === 9) void origin.close()
    })
    const options = { url: origin.url, durationMs: 60_000, connections: 2, threads: 1, timeoutMs: 500 }
    const result = await bench(options)
    expect(result.endedEarly).toMatch(/^the target could not be reached any more: connect ECONNREFUSED/)
    expect(result.answered).toBeGreaterThanOrEqual(1)
    expect(result.errors.connect).toBeGreaterThanOrEqual(2)
    // Each connection is tried about ten times a second, not as fast as it is refused.
    expect(result.errors.connect).toBeLessThan(100)
    expect(isFlawless(result)).toBe(false)
  })
})

test('a thread that waits for a target that is gone is not left alone by one that is done', async () => {
  // Request 0 and 2 are the first thread's, 1 is the second's: the third one is due when nobody listens any more.
  await using origin = await rawOrigin((socket, request) => {
    socket.write(OK)
    if (request === 1) setTimeout(() => void origin.close(), 100)
  })
  const load = { requests: 3, rate: 4, connections: 2, threads: 2, timeoutMs: 300 }
  const result = await bench({ url: origin.url, ...load })
  expect(result).toMatchObject({ answered: 2, unsent: 1 })
  expect(result.endedEarly).toMatch(/^the target could not be reached any more: /)
})

test('a run can be ended from outside, and says what it has measured until then', async () => {
  await using origin = await httpOrigin()
  const ending = new AbortController()
  const onProgress = ({ answered }: BenchProgress) => {
    if (answered > 0) ending.abort()
  }
  const options = { url: origin.url, durationMs: 60_000, connections: 2, threads: 2, onProgress, signal: ending.signal }
  const result = await bench(options)
  expect(result.endedEarly).toBe('interrupted')
  expect(result.answered).toBeGreaterThan(0)
  expect(result.elapsedMs).toBeLessThan(60_000)
  await expect(bench(options)).rejects.toThrow('interrupted')
})

test('the course of a run adds up to the run', async () => {
  await using origin = await httpOrigin()
  const result = await bench({ url: origin.url, durationMs: 800, connections: 2, threads: 2 })
  expect(result.course.length).toBeGreaterThanOrEqual(2)
  expect(result.course.reduce((sum, point) => sum + point.answered, 0)).toBe(result.answered)
  expect(result.course.every((point, index) => point.atMs > (result.course[index - 1]?.atMs ?? 0))).toBe(true)
})

test('an application can measure too', async () => {
  await using origin = await httpOrigin()
  expect(await benchFromOutside({ url: origin.url, requests: 5, connections: 1 })).toMatchObject({ answered: 5 })
  await expect(benchFromOutside({ url: 'nowhere' })).rejects.toThrow(BenchError)
})
