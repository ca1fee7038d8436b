import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isWorkerLogData, openAccessLog, type WorkerLogData } from '../../../src/telemetry/access-log.ts'
import { type Log, type LogOptions, openLog } from '../../../src/telemetry/log.ts'
import { exchangeRecord } from '../../support/exchange-records.ts'

interface LogLine {
  readonly [field: string]: unknown
  readonly level: number
  readonly msg: string
  readonly index?: number
  readonly listener?: string
  readonly retries?: number
  readonly dropped?: number
}

let folder: string
let path: string
const open: Log[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-log-'))
  path = join(folder, 'log')
})

afterEach(async () => {
  await Promise.all(open.splice(0).map(log => log.close()))
  rmSync(folder, { recursive: true })
})

async function start(options: Partial<LogOptions> = {}): Promise<Log> {
  const access = { enabled: true, sample: 1 }
  const log = await openLog({ level: 'info', format: 'json', access, workers: 1, destination: path, ...options })
  open.push(log)
  return log
}

function access(log: Log, worker = 0) {
  return openAccessLog(log.workerData() as WorkerLogData, worker)?.onExchange ?? null
}

function parsed(text: string): LogLine[] {
  expect(text === '' || text.endsWith('\n')).toBe(true)
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as LogLine)
}

function written(): LogLine[] {
  return parsed(readFileSync(path, 'utf8'))
}

/** A named pipe that nobody reads yet, open at its reading end. */
function unreadPipe(): { drain(): string; close(): void } {
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const chunk = Buffer.alloc(1024 * 1024)
  return {
    drain() {
      let text = ''
      try {
        for (let length = -1; length !== 0; text += chunk.toString('latin1', 0, length)) {
          length = readSync(fd, chunk, 0, chunk.length, null)
        }
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN')
      }
      return text
    },
    close: () => closeSync(fd),
  }
}

function thread(log: Log, worker: number, lines: number, endless = false): Worker {
  const url = new URL('../../support/access-log-thread.ts', import.meta.url)
  return new Worker(url, { workerData: { log: log.workerData(), worker, lines, endless }, execArgv: [] })
}

describe('the log', () => {
  it('writes the logger and the access lines to its destination, each as a line of JSON', async () => {
    const log = await start()
    log.logger.info({ address: '[::]:8080' }, 'listening')
    await expect.poll(() => written().length).toBe(1)
    access(log)!(exchangeRecord({ target: '/é\n"' }))
    await log.close()
    expect(written()).toEqual([
      { level: 30, time: expect.any(Number), address: '[::]:8080', msg: 'listening' },
      expect.objectContaining({ msg: 'access', target: '/é\n"', status: 200 }),
    ])
    expect(log.dropped()).toBe(0)
  })

  it('writes a line soon after it was logged, not only at the end', async () => {
    const log = await start()
    log.logger.info('first')
    await expect.poll(() => written().length).toBe(1)
    log.logger.info('second')
    await expect.poll(() => written().length).toBe(2)
  })

  it('appends to a file that is there', async () => {
    writeFileSync(path, '{"msg":"before"}\n')
    const log = await start()
    log.logger.info('after')
    await log.close()
    expect(written().map(line => line.msg)).toEqual(['before', 'after'])
  })

  it('leaves out what is below the level; access lines have a switch of their own', async () => {
    const log = await start({ level: 'warn' })
    log.logger.info('not this')
    log.logger.warn('this')
    access(log)!(exchangeRecord())
    await log.close()
    // Lines of two threads have no order between them.
    expect(
      written()
        .map(line => line.msg)
        .toSorted(),
    ).toEqual(['access', 'this'])
  })

  it('costs a worker nothing where access lines are off or none is sampled', async () => {
    expect(access(await start({ access: { enabled: false, sample: 1 } }))).toBeNull()
    expect(access(await start({ access: { enabled: true, sample: 0 } }))).toBeNull()
  })

  it('takes another share while it runs, but where there were none at the start', async () => {
    const log = await start({ access: { enabled: true, sample: 1 } })
    const onExchange = access(log)!
    const write = (count: number) => {
      for (let index = 0; index < count; index++) onExchange(exchangeRecord())
    }
    write(3)
    expect(log.setAccess({ enabled: false, sample: 1 })).toBe(true)
    write(100)
    expect(log.setAccess({ enabled: true, sample: 1 })).toBe(true)
    write(4)
    await log.close()
    expect(written().length).toBe(7)
    const silent = await start({ access: { enabled: false, sample: 1 } })
    expect(silent.setAccess({ enabled: true, sample: 0 })).toBe(true)
    expect(silent.setAccess({ enabled: true, sample: 0.5 })).toBe(false)
    await silent.close()
  })

  it('samples line by line', async () => {
    const log = await start({ access: { enabled: true, sample: 0.25 } })
    const onExchange = access(log)!
    for (let index = 0; index < 2000; index++) onExchange(exchangeRecord())
    await log.close()
    // Six standard deviations of the binomial distribution either way.
    expect(written().length).toBeGreaterThan(500 - 117)
    expect(written().length).toBeLessThan(500 + 117)
  })

  it('keeps lines of many threads whole and in the order of each', async () => {
    const log = await start({ workers: 4, ringBytes: 4 * 1024 * 1024 })
    await Promise.all([0, 1, 2, 3].map(worker => once(thread(log, worker, 3000), 'exit')))
    await log.close()
    const lines = written()
    expect(lines.length).toBe(12_000)
    for (const worker of [0, 1, 2, 3]) {
      const own = lines.filter(line => line.listener === `worker ${worker}`).map(line => line.retries)
      expect(own).toEqual(Array.from({ length: 3000 }, (_, index) => index))
    }
    expect(log.dropped()).toBe(0)
  })

  it('lets a thread that replaces a killed one go on in the same ring', async () => {
    const log = await start({ workers: 1, ringBytes: 64 * 1024 })
    for (let round = 0; round < 5; round++) {
      const killed = thread(log, 0, 50, true)
      await once(killed, 'message')
      await killed.terminate()
    }
    await once(thread(log, 0, 20), 'exit')
    await log.close()
    const lines = written().filter(line => line.msg === 'access')
    expect(lines.length).toBeGreaterThan(5 * 50)
    expect(lines.slice(-20).map(line => line.retries)).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('never makes a writer wait: what an output that stalls cannot take is dropped, counted and reported', async () => {
    const pipe = unreadPipe()
    const log = await start({ ringBytes: 64 * 1024 })
    const onExchange = access(log)!
    for (let index = 0; index < 5000; index++) onExchange(exchangeRecord({ retries: index }))
    expect(log.dropped()).toBeGreaterThan(1000)

    let text = ''
    await expect
      .poll(() => {
        text += pipe.drain()
        return text
      })
      .toContain('log lines dropped')
    // Read on until the log has ended: what an output that stalls at the end loses is counted, but can be reported nowhere.
    let hasEnded = false
    const closing = log.close().then(() => {
      hasEnded = true
    })
    await expect
      .poll(() => {
        text += pipe.drain()
        return hasEnded
      })
      .toBe(true)
    await closing
    const lines = parsed(text + pipe.drain())
    pipe.close()
    const reports = lines.filter(line => line.level === 40)
    const reported = reports.reduce((sum, line) => sum + Number(line.dropped), 0)
    const accessLines = lines.filter(line => line.msg === 'access')
    expect(reported).toBe(log.dropped())
    expect(accessLines.length + reported).toBe(5000)
    const order = accessLines.map(line => Number(line.retries))
    expect(order).toEqual(order.toSorted((a, b) => a - b))
  })

  it('ends within a bounded time when the output takes nothing, and counts what was left', async () => {
    const pipe = unreadPipe()
    const log = await start()
    const onExchange = access(log)!
    for (let index = 0; index < 1000; index++) onExchange(exchangeRecord())
    const startedAt = performance.now()
    await log.close()
    expect(performance.now() - startedAt).toBeLessThan(3000)
    const whole = pipe.drain().split('\n').length - 1
    expect(whole).toBeGreaterThan(0)
    expect(whole + log.dropped()).toBe(1000)
    pipe.close()
  })

  it('goes on, and counts, when nobody reads the output any more', async () => {
    const pipe = unreadPipe()
    const log = await start()
    pipe.close()
    log.logger.info('to nobody')
    await expect.poll(() => log.dropped()).toBe(1)
    log.logger.info('to nobody')
    await log.close()
    expect(log.dropped()).toBe(2)
  })

  it('can be closed twice', async () => {
    const log = await start()
    log.logger.info('once')
    await Promise.all([log.close(), log.close()])
    expect(written().length).toBe(1)
  })

  it('refuses a destination that cannot be opened, with the reason', async () => {
    await expect(start({ destination: join(folder, 'missing', 'log') })).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('writes for people where the format says so, and shows control characters instead of obeying them', async () => {
    const log = await start({ format: 'pretty' })
    log.logger.warn({ upstream: 'api' }, 'one\u001b[31m line')
    await expect.poll(() => readFileSync(path, 'utf8')).toContain('\n')
    access(log)!(exchangeRecord({ target: '/\u001b]0;title\u0007', status: 504, flag: 'UT', error: 'timeout' }))
    await log.close()
    const [first, second, ...rest] = readFileSync(path, 'utf8').split('\n')
    expect(first).toMatch(/^\[\d\d:\d\d:\d\d\.\d+\] WARN: one\\x1b\[31m line \{"upstream":"api"\}$/)
    expect(second).toContain('GET api.example.com/\\x1b]0;title\\x07  504  1.2 ms  api 10.0.0.1:3000  UT timeout')
    expect(rest).toEqual([''])
  })

  it('hands the workers data that survives a structured clone', async () => {
    const log = await start({ workers: 3 })
    const data = log.workerData()
    expect(isWorkerLogData(data)).toBe(true)
    expect((data as WorkerLogData).rings.length).toBe(3)
    expect(isWorkerLogData(undefined)).toBe(false)
    expect(isWorkerLogData({ kind: 'other' })).toBe(false)
    expect(openAccessLog(data as WorkerLogData, 3)).toBeNull()
  })
})

describe('a process that logs to its stdout', () => {
  const script = fileURLToPath(new URL('../../support/logging-process.ts', import.meta.url))

  it.each(['exit', 'close', 'end'])('has written every line when it is gone, ending by %s', async way => {
    const child = spawn(process.execPath, [script, '500', way], { stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
    const [code] = await once(child, 'close')
    expect(code).toBe(way === 'exit' ? 7 : 0)
    expect(parsed(text).map(line => line.index)).toEqual(Array.from({ length: 500 }, (_, index) => index))
  })

  it.each(['exit', 'close', 'end'])('ends even if its stdout is never read, by %s', async way => {
    const pipe = unreadPipe()
    const pipeEnd = openSync(path, 'w')
    // A pipe, and the socket that Node makes of a child's stdout.
    for (const stdout of [pipeEnd, 'pipe'] as const) {
      const child = spawn(process.execPath, [script, '5000', way], { stdio: ['ignore', stdout, 'ignore'] })
      const [code] = await once(child, 'exit')
      expect(code).toBe(way === 'exit' ? 7 : 0)
    }
    closeSync(pipeEnd)
    pipe.close()
  })
})
