import type { EngineEvent } from '../../engine/threads/api.ts'
import type { Log } from './log.ts'

type Line = readonly [level: 'debug' | 'info' | 'warn' | 'error', sentence: string]
type Lines = { readonly [Kind in EngineEvent['kind']]: (event: Extract<EngineEvent, { kind: Kind }>) => Line | null }

/** Each kind of event with its level and a sentence. */
const LINES: Lines = {
  worker_started: () => ['debug', 'worker started'],
  worker_died: () => ['error', 'worker died and is replaced'],
  connections_full: () => ['warn', 'connection limit reached: accepting stops until one closes'],
  flows_full: () => ['warn', 'flow limit reached: each new one ends the one that has been idle for the longest'],
  handshakes_failed: () => ['info', 'TLS handshakes with clients have failed'],
  connections_refused: ({ reason }) => ['warn', REFUSALS[reason] ?? 'connections were refused'],
  endpoint_health: ({ change }) => HEALTH_LINES[change],
  endpoint_checked: ({ healthy }) =>
    healthy
      ? ['info', 'endpoint passes its checks and serves']
      : ['warn', 'endpoint fails its checks and gets no requests'],
  endpoints_changed: () => ['info', 'endpoints of the upstream have changed'],
  name_failed: () => ['warn', 'name cannot be resolved: what it had last goes on'],
  name_recovered: () => ['info', 'name can be resolved again'],
  // Who asked for the reload knows more of it: `log-reload.ts` has the lines.
  reloaded: () => null,
  reload_failed: () => null,
  connection_fault: () => ['error', 'exception within a connection, which was closed'],
}

const REFUSALS: Readonly<Record<string, string>> = {
  too_many_of_client: 'connections were refused: a client has as many open as it may',
  too_many_new: 'connections were refused: more new ones came than may',
  proxy_header_missing: 'connections were refused: a trusted peer sent no header of the PROXY protocol',
  proxy_header_malformed: 'connections were refused: a trusted peer sent a malformed header of the PROXY protocol',
  proxy_header_timeout: 'connections were refused: no header of the PROXY protocol came in time',
}

const HEALTH_LINES: Readonly<Record<Extract<EngineEvent, { kind: 'endpoint_health' }>['change'], Line>> = {
  ejected: ['warn', 'endpoint is ejected: it gets no requests for a while'],
  up: ['info', 'endpoint is back'],
  circuit_open: ['warn', 'circuit is open: no requests pass for a while'],
  circuit_closed: ['info', 'circuit is closed again'],
}

/** Writes what the engine tells into the log, with the event's own fields. */
export function logEvent(logger: Log['logger'], event: EngineEvent): void {
  const { kind, ...fields } = event
  const lineOf = LINES[kind] as (event: EngineEvent) => Line | null
  const line = lineOf(event)
  if (line !== null) logger[line[0]](fields, line[1])
}
