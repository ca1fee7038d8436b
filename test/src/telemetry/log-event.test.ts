import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { EngineEvent } from '../../../engine/threads/api.ts'
import { logEvent } from '../../../src/telemetry/log-event.ts'

test.each<[EngineEvent, string, Record<string, unknown>]>([
  [{ kind: 'worker_started', worker: 1 }, 'debug', { worker: 1 }],
  [{ kind: 'worker_died', worker: 1, error: 'oops', stack: 'Error: oops' }, 'error', { worker: 1, error: 'oops' }],
  [{ kind: 'connections_full', worker: 0, listener: 'web', limit: 7 }, 'warn', { listener: 'web', limit: 7 }],
  [
    { kind: 'flows_full', worker: 0, listener: 'dns', limit: 7 },
    'warn',
    {
      listener: 'dns',
      limit: 7,
      msg: 'flow limit reached: each new one ends the one that has been idle for the longest',
    },
  ],
  [
    {
      kind: 'connections_refused',
      worker: 0,
      listener: 'pg',
      count: 3,
      client: '192.0.2.7',
      reason: 'too_many_of_client',
      detail: '',
    },
    'warn',
    {
      listener: 'pg',
      count: 3,
      reason: 'too_many_of_client',
      msg: 'connections were refused: a client has as many open as it may',
    },
  ],
  [{ kind: 'connection_fault', worker: 0, error: 'oops', stack: 'Error: oops' }, 'error', { stack: 'Error: oops' }],
  [
    { kind: 'endpoint_health', upstream: 'api', endpoint: '10.0.0.1:80', change: 'ejected', reason: '3 failures' },
    'warn',
    { upstream: 'api', endpoint: '10.0.0.1:80', change: 'ejected', reason: '3 failures' },
  ],
  [
    { kind: 'endpoint_health', upstream: 'api', endpoint: '', change: 'circuit_closed', reason: '' },
    'info',
    { upstream: 'api', change: 'circuit_closed' },
  ],
  [
    { kind: 'endpoint_checked', upstream: 'api', endpoint: '10.0.0.1:80', healthy: false, reason: 'status 503' },
    'warn',
    { healthy: false, reason: 'status 503' },
  ],
  [
    { kind: 'endpoint_checked', upstream: 'api', endpoint: '10.0.0.1:80', healthy: true, reason: 'status 200' },
    'info',
    { healthy: true },
  ],
  [{ kind: 'endpoints_changed', upstream: 'api', added: ['a'], removed: [] }, 'info', { added: ['a'], removed: [] }],
  [
    { kind: 'name_failed', upstream: 'api', name: 'api.internal:80', error: 'ENOTFOUND' },
    'warn',
    { error: 'ENOTFOUND' },
  ],
  [{ kind: 'name_recovered', upstream: 'api', name: 'api.internal:80' }, 'info', { name: 'api.internal:80' }],
])('the event %j is logged as %s', (event, level, fields) => {
  const lines: string[] = []
  logEvent(pino({ level: 'trace' }, { write: line => void lines.push(line) }), event)
  expect(lines.map(line => JSON.parse(line))).toMatchObject([{ ...fields, level: pino.levels.values[level] }])
})
