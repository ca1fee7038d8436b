import { type Logger, pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { ConfigurationError, type Problem } from '../../../src/config/errors.ts'
import { logGeneration, logReloaded, logReloadFailure } from '../../../src/telemetry/log-reload.ts'

/** What is logged, line by line. */
function lines(write: (logger: Logger) => void): Record<string, unknown>[] {
  const written: string[] = []
  const logger: Logger = pino({ base: null, timestamp: false }, { write: line => written.push(line) })
  write(logger)
  return written.map(line => JSON.parse(line))
}

const NONE = { added: [], changed: [], removed: [], kept: ['a'] }
const HASH = 'abcdef0123456789'
const WARNING: Problem = {
  file: 'a.yaml',
  line: 3,
  column: 5,
  key: 'routes[1]',
  severity: 'warning',
  code: 'route-shadowed',
  message: 'can never match',
  hint: '',
}

describe('a generation', () => {
  test('is told with its hash, in short and in full, after the warnings of its file', () => {
    const written = lines(logger => logGeneration(logger, 1, { name: 'a.yaml', hash: HASH, warnings: [WARNING] }))
    expect(written).toEqual([
      expect.objectContaining({
        level: 40,
        file: 'a.yaml',
        line: 3,
        column: 5,
        key: 'routes[1]',
        code: 'route-shadowed',
      }),
      { level: 30, generation: 1, hash: HASH, file: 'a.yaml', msg: 'generation 1 (abcdef012345) of a.yaml' },
    ])
  })
})

describe('a reload', () => {
  const report = {
    generation: 2,
    hash: HASH,
    listeners: NONE,
    upstreams: NONE,
    routes: NONE,
    warnings: [],
    needsRestart: [],
  }

  test('is told with what it has touched, by name, and nothing of what it has not', () => {
    const routes = { added: ['b'], changed: ['c', 'd'], removed: [], kept: [] }
    const upstreams = { ...NONE, removed: ['old'] }
    expect(lines(logger => logReloaded(logger, { ...report, routes, upstreams }))).toEqual([
      {
        level: 30,
        generation: 2,
        hash: HASH,
        upstreams: { added: [], changed: [], removed: ['old'] },
        routes: { added: ['b'], changed: ['c', 'd'], removed: [] },
        msg: 'reloaded: generation 2 (abcdef012345): upstreams: 1 removed; routes: 1 added, 2 changed',
      },
    ])
    expect(lines(logger => logReloaded(logger, report))[0]).toEqual({
      level: 30,
      generation: 2,
      hash: HASH,
      msg: 'reloaded: generation 2 (abcdef012345): nothing has changed',
    })
  })

  test('of thousands of routes is a line of reasonable length', () => {
    const added = Array.from({ length: 10_000 }, (_, index) => `route-${index}`)
    const [line] = lines(logger => logReloaded(logger, { ...report, routes: { ...NONE, added } }))
    expect(line?.routes).toMatchObject({ added: expect.arrayContaining(['route-19', 'and 9980 more']) })
    expect(JSON.stringify(line).length).toBeLessThan(1000)
    expect(line?.msg).toContain('routes: 10000 added')
  })

  test('says which keys wait for the next start', () => {
    const written = lines(logger => logReloaded(logger, { ...report, needsRestart: ['runtime.workers', 'log.format'] }))
    expect(written[1]).toMatchObject({ level: 40, keys: ['runtime.workers', 'log.format'] })
  })
})

describe('a reload that came to nothing', () => {
  test('is told with every problem of the file, each by its weight', () => {
    const error = { ...WARNING, line: 4, severity: 'error', code: 'unknown-key', message: 'unknown key' } as const
    const written = lines(logger => logReloadFailure(logger, new ConfigurationError([WARNING, error]), 7))
    expect(written.map(({ level, msg }) => [level, msg])).toEqual([
      [40, 'a.yaml:3:5: warning: routes[1]: can never match [route-shadowed]'],
      [50, 'a.yaml:4:5: routes[1]: unknown key [unknown-key]'],
      [50, 'reload refused, the configuration has 1 error; generation 7 goes on'],
    ])
  })

  test('is told with the reason where the file is fine', () => {
    const written = lines(logger => logReloadFailure(logger, new Error('the port is taken'), 7))
    expect(written).toEqual([
      {
        level: 50,
        generation: 7,
        reason: 'the port is taken',
        msg: 'reload failed: the port is taken; generation 7 goes on',
      },
    ])
  })
})
