import type { EngineEvent } from '../../engine/threads/api.ts'
import type { Log } from './log.ts'

/** Writes what the engine tells into the log: each kind with its level, its fields and a sentence. */
export function logEvent(logger: Log['logger'], event: EngineEvent): void {
  const { kind, ...fields } = event
  switch (event.kind) {
    case 'worker_started':
      logger.debug(fields, 'worker started')
      return
    case 'worker_died':
      logger.error(fields, 'worker died and is replaced')
      return
    case 'connections_full':
      logger.warn(fields, 'connection limit reached: accepting stops until one closes')
      return
    case 'endpoint_health':
      if (event.change === 'up' || event.change === 'circuit_closed')
        logger.info(fields, HEALTH_SENTENCES[event.change])
      else logger.warn(fields, HEALTH_SENTENCES[event.change])
      return
    case 'endpoint_checked':
      if (event.healthy) logger.info(fields, 'endpoint passes its checks and serves')
      else logger.warn(fields, 'endpoint fails its checks and gets no requests')
      return
    case 'endpoints_changed':
      logger.info(fields, 'endpoints of the upstream have changed')
      return
    case 'name_failed':
      logger.warn(fields, 'name cannot be resolved: what it had last goes on')
      return
    case 'name_recovered':
      logger.info(fields, 'name can be resolved again')
      return
    case 'connection_fault':
      logger.error(fields, 'exception within a connection, which was closed')
      return
    default:
      event satisfies never
      throw new Error(`an event of the kind ${kind} has no line in the log`)
  }
}

const HEALTH_SENTENCES: Readonly<Record<Extract<EngineEvent, { kind: 'endpoint_health' }>['change'], string>> = {
  ejected: 'endpoint is ejected: it gets no requests for a while',
  up: 'endpoint is back',
  circuit_open: 'circuit is open: no requests pass for a while',
  circuit_closed: 'circuit is closed again',
}
