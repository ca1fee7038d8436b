import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { describeProgress, ProgressLine } from '../../../src/cli/bench-progress.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { waitFor } from '../../support/wait-for.ts'
import { httpOrigin } from '../bench/origin.ts'
import { Folder } from './command.ts'

const SMALL = ['-n', '20', '-c', '2', '-t', '1']

describe('sluice bench', () => {
  test('prints what it measured, and ends with 0 when all was answered with 2xx', async () => {
    await using origin = await httpOrigin()
    await using folder = await Folder.make()
    const outcome = await folder.run('bench', origin.url, ...SMALL)
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout).toContain(
      `${origin.url}\n  2 connections on 1 thread, 20 requests, as fast as answers come\n`,
    )
    expect(outcome.stdout).toMatch(/^Answered +20 in /m)
    expect(outcome.stdout).toMatch(/^ {2}p99\.9 +[0-9.,]+$/m)
  })

  test('ends with 1 when answers were not 2xx, and counts them apart', async () => {
    await using origin = await httpOrigin((_, response) => {
      response.statusCode = 404
      response.end()
    })
    await using folder = await Folder.make()
    const outcome = await folder.run('bench', ...SMALL, origin.url)
    expect(outcome.code).toBe(1)
    expect(outcome.stdout).toMatch(/^Not 2xx +20$/m)
  })

  test('sends what it is told to', async () => {
    const seen: string[] = []
    await using origin = await httpOrigin((request, response) => {
      let content = ''
      request.on('data', chunk => {
        content += chunk
      })
      request.on('end', () => {
        const { 'x-a': a, connection, host } = request.headers
        seen.push([request.method, request.url, a, connection, host, content].join(' '))
        response.end()
      })
    })
    await using folder = await Folder.make({ 'body.txt': 'from a file' })
    const fields = ['-H', 'X-A: one: two', '-H', 'host:a.example']
    const options = ['-m', 'PUT', ...fields, '--body-file', 'body.txt', '--no-keep-alive', '-n', '3', '-c', '1', '-q']
    expect((await folder.run('bench', `${origin.url}p?q`, ...options)).code).toBe(0)
    expect(seen).toEqual(Array(3).fill('PUT /p?q one: two close a.example from a file'))
  })

  test('writes JSON to stdout alone, wherever the URL stands, and to a file beside the text', async () => {
    await using origin = await httpOrigin()
    await using folder = await Folder.make()
    for (const args of [
      ['--json', origin.url, ...SMALL],
      [origin.url, ...SMALL, '--json', '-'],
    ]) {
      const { code, stdout } = await folder.run('bench', ...args)
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({
        sluice: expect.any(String),
        url: origin.url,
        load: { connections: 2, threads: 1, requests: 20, durationMs: null, rate: null, keepAlive: true },
        answered: 20,
        statuses: { 200: 20 },
        errors: { connect: 0, reset: 0, timeout: 0, malformed: 0 },
        latency: { count: 20, percentilesUs: { 50: expect.any(Number), 99.99: expect.any(Number) } },
      })
    }
    const { stdout } = await folder.run('bench', origin.url, ...SMALL, '--json', 'run.json')
    expect(stdout).toMatch(/^Answered +20/m)
    expect(JSON.parse(await readFile(join(folder.path, 'run.json'), 'utf8'))).toMatchObject({ answered: 20 })
  })

  test('compares two targets, and writes a page and a histogram for each', async () => {
    await using one = await httpOrigin()
    await using other = await httpOrigin()
    await using folder = await Folder.make()
    const files = ['--html', 'run.html', '--hgrm', 'run.hgrm', '--json', 'run.json']
    const outcome = await folder.run('bench', one.url, '--vs', other.url, '--rounds', '2', ...SMALL, ...files)
    expect(outcome.code).toBe(0)
    expect(outcome.stdout).toMatch(/^Requests\/s +[\d,.]+ +[\d,.]+ +[\d.]+ {2}\([\d.]+ to [\d.]+\)$/m)
    expect([one.requests, other.requests]).toEqual([40, 40])
    const read = (name: string) => readFile(join(folder.path, name), 'utf8')
    expect(await read('run.html')).toMatch(/^<!doctype html>[\s\S]*<svg[\s\S]*<\/html>\n$/)
    for (const name of ['run.hgrm', 'run.vs.hgrm']) expect(await read(name)).toMatch(/^ +Value +Percentile/)
    const { ratios, rounds, first } = JSON.parse(await read('run.json'))
    expect(ratios.requestsPerSecond).toEqual({
      median: expect.any(Number),
      min: expect.any(Number),
      max: expect.any(Number),
    })
    expect(rounds.length).toBe(2)
    expect(first.answered).toBe(40)
  })

  test.runIf(existsSync('/dev/full'))('writes what can be written where one file cannot, and ends with 1', async () => {
    await using origin = await httpOrigin()
    await using folder = await Folder.make()
    const outcome = await folder.run('bench', origin.url, ...SMALL, '--json', '/dev/full', '--html', 'run.html')
    expect(outcome).toMatchObject({ code: 1, stderr: 'sluice: cannot write /dev/full: there is no space left\n' })
    expect(outcome.stdout).toMatch(/^Answered +20/m)
    expect(await readFile(join(folder.path, 'run.html'), 'utf8')).toContain('</html>')
  })

  test('ends on Ctrl-C with what it measured until then, and 130', async () => {
    await using origin = await httpOrigin()
    await using folder = await Folder.make()
    await using command = folder.start('bench', origin.url, '-d', '1h', '-c', '2')
    await waitFor(() => origin.requests > 10, 'requests at the origin', 10_000)
    command.signal('SIGINT')
    const outcome = await command.outcome()
    expect(outcome.code).toBe(130)
    expect(outcome.stdout).toMatch(/^Ended early +interrupted$/m)
    expect(outcome.stdout).toMatch(/^Answered +[1-9]/m)
  })

  test('says in one line that nobody listens, and ends with 1', async () => {
    await using port = await refusingPort()
    await using folder = await Folder.make()
    expect(await folder.run('bench', `http://127.0.0.1:${port.port}`)).toEqual({
      code: 1,
      stdout: '',
      stderr: `sluice: cannot connect to http://127.0.0.1:${port.port}: nothing listens there (ECONNREFUSED)\n`,
    })
  })
})

const AT = 'http://127.0.0.1:1/'

test.each([
  [[], "error: missing required argument 'URL'"],
  [[AT, 'more'], 'error: too many arguments'],
  [
    ['localhost:80'],
    'sluice: the URL must begin with http:// or https://, not localhost:; did you mean http://localhost:80?',
  ],
  [[AT, '--vs', 'ftp://a'], 'sluice: the URL must begin with http:// or https://, not ftp:'],
  [[AT, '-c', '0'], "argument '0' is invalid. It must be a whole number from 1 to 20,000."],
  [[AT, '-c', '1e3'], "argument '1e3' is invalid. It must be a whole number"],
  [[AT, '-r', '-5'], "option '-r, --rate <N>' argument '-5' is invalid. It must be a number from 0.001 to 1,000,000."],
  [[AT, '-d', '10'], '"10" is not a duration such as 250ms, 5s, 1m or 1h; did you mean 10s?'],
  [[AT, '-d', '1s', '-n', '5'], "'-d, --duration <TIME>' cannot be used with option '-n, --requests <N>'"],
  [[AT, '-H', 'no colon'], "argument 'no colon' is invalid. It must look like 'Name: value'."],
  [[AT, '-H', 'Content-Length: 1'], 'the header Content-Length is written by the tool itself'],
  [[AT, '--body', 'a', '--body-file', 'b'], 'cannot be used with option'],
  [[AT, '--body-file', 'none'], 'sluice: --body-file: cannot read none: there is no such file or folder'],
  [[AT, '--html', 'none/a.html'], 'sluice: cannot write none/a.html: there is no such file or folder'],
  [[AT, '--hgrm', '.'], 'sluice: cannot write .: it is a folder'],
  [[AT, '--json', ''], 'sluice: a file to write to needs a name'],
  [[AT, '--json', 'a', '--html', './a'], 'sluice: ./a is named twice: one would be written over the other'],
  [[AT, '--html', 'file.txt/a.html'], 'sluice: cannot write file.txt/a.html: what should be a folder is a file'],
  [[AT, '--vs', AT, '--hgrm', 'run.hgrm', '--html', 'run.vs.hgrm'], 'sluice: run.vs.hgrm is named twice'],
  [['http://%zz@127.0.0.1:1/'], 'sluice: the user or the password in the URL has a % in it that is not encoded'],
  [['http://127.0.0.1:0/'], 'sluice: nothing can listen on port 0 of 127.0.0.1:0'],
  [[AT, '-k'], 'sluice: --insecure is for https URLs'],
  [['https://127.0.0.1:1/', '-k', '--ca', 'x'], 'cannot be used with option'],
  [[AT, '--rounds', '2'], 'sluice: --rounds is for comparing, with --vs URL'],
  [[AT, '-t', '2', '-c', '1'], 'sluice: 2 threads need at least as many connections; there are 1'],
  [[AT, '--conections', '2'], "error: unknown option '--conections'\n(Did you mean --connections?)"],
])('bench %j is refused with exit code 2', async (args, message) => {
  await using folder = await Folder.make({ 'file.txt': '' })
  const outcome = await folder.run('bench', ...args)
  expect(outcome).toMatchObject({ code: 2, stdout: '' })
  expect(outcome.stderr).toContain(message)
  expect(outcome.stderr).not.toMatch(/^\s+at /m)
})

const PROGRESS = {
  phase: 'measuring',
  elapsedMs: 3210,
  share: 0.321,
  answered: 40_000,
  non2xx: 3,
  failed: 1,
  requestsPerSecond: 12_345.6,
  latencyUsP50: 850,
  latencyUsP99: 12_345,
} as const

test('progress is drawn again only where a terminal can do that', () => {
  const written = (isTTY: boolean, terminal: string | undefined) => {
    const parts: string[] = []
    const line = new ProgressLine({ isTTY, columns: 80, write: part => parts.push(String(part)) > 0 }, terminal)
    line.show('', PROGRESS)
    line.clear()
    return parts.join('')
  }
  expect(written(true, 'xterm')).toMatch(/^\r\x1b\[K {2}3\.2 s .*\r\x1b\[K$/)
  expect(written(true, 'dumb')).toBe('')
  expect(written(false, 'xterm')).toBe('')
})

test('progress is one line', () => {
  const start = '  3.2 s   32 %  '
  expect(describeProgress(PROGRESS)).toBe(`${start}12,346 requests/s  p50 850 µs  p99 12.3 ms  3 not 2xx  1 failed`)
  expect(describeProgress({ ...PROGRESS, phase: 'warm-up' })).toBe(`${start}warming up`)
  expect(describeProgress({ ...PROGRESS, answered: 0 })).toContain('no answers yet')
})
