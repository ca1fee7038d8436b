import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { EngineEvent } from '../../engine/threads/api.ts'
import { listenerUrl, logEvent } from '../../src/proxy.ts'

test.each([
  [{ kind: 'tcp', host: '127.0.0.1', port: 80 }, 'http://127.0.0.1:80'],
  [{ kind: 'tcp', host: '::1', port: 80 }, 'http://[::1]:80'],
  [{ kind: 'tcp', host: '::', port: 8080 }, 'http://localhost:8080'],
  [{ kind: 'tcp', host: '0.0.0.0', port: 8080 }, 'http://localhost:8080'],
  [{ kind: 'unix', path: '/run/a.sock' }, 'unix:/run/a.sock'],
] as const)('the listener on %j is reached at %s', (address, url) => {
  expect(listenerUrl({ name: 'web', address })).toBe(url)
})

test.each<[EngineEvent, string, Record<string, unknown>]>([
  [{ kind: 'worker_started', worker: 1 }, 'debug', { worker: 1 }],
  [{ kind: 'worker_died', worker: 1, error: 'oops', stack: 'Error: oops' }, 'error', { worker: 1, error: 'oops' }],
  [{ kind: 'connections_full', worker: 0, listener: 'web', limit: 7 }, 'warn', { listener: 'web', limit: 7 }],
  [{ kind: 'connection_fault', worker: 0, error: 'oops', stack: 'Error: oops' }, 'error', { stack: 'Error: oops' }],
])('the event %j is logged as %s', (event, level, fields) => {
  const lines: string[] = []
  logEvent(pino({ level: 'trace' }, { write: line => void lines.push(line) }), event)
  expect(lines.map(line => JSON.parse(line))).toMatchObject([{ ...fields, level: pino.levels.values[level] }])
})
