import { percentile } from '../shared/histogram.ts'
import {
  BYTES_IN,
  BYTES_OUT,
  CONNECTIONS_OPEN,
  CONNECTIONS_REFUSED,
  CONNECTIONS_TOTAL,
  DATAGRAMS_DROPPED,
  EXCHANGES_ACTIVE,
  EXCHANGES_TOTAL,
  FLOWS_ACTIVE,
  FLOWS_EVICTED,
  FLOWS_TOTAL,
  HANDSHAKES_FAILED,
  HANDSHAKES_RESUMED,
  HANDSHAKES_TOTAL,
  HEDGES_TOTAL,
  LATENCY_MAX_US,
  MIRRORED_TOTAL,
  MIRRORS_DROPPED,
  RETRIES_TOTAL,
  STATUS_CLASSES,
  type StatePage,
} from '../shared/state-page.ts'
import type { EndpointStatus, EngineStats } from './api.ts'

/** What the workers have counted, added up. */
export function statsOf(page: StatePage, endpoints: readonly EndpointStatus[]): EngineStats {
  const latency = page.latency()
  return {
    connectionsOpen: page.counter(CONNECTIONS_OPEN),
    connectionsTotal: page.counter(CONNECTIONS_TOTAL),
    exchangesActive: page.counter(EXCHANGES_ACTIVE),
    exchangesTotal: page.counter(EXCHANGES_TOTAL),
    flows: {
      active: page.counter(FLOWS_ACTIVE),
      total: page.counter(FLOWS_TOTAL),
      evicted: page.counter(FLOWS_EVICTED),
      datagramsDropped: page.counter(DATAGRAMS_DROPPED),
    },
    connectionsRefused: page.counter(CONNECTIONS_REFUSED),
    bytesIn: page.counter(BYTES_IN),
    bytesOut: page.counter(BYTES_OUT),
    statusClasses: Array.from({ length: 6 }, (_, index) => page.counter(STATUS_CLASSES + index)),
    inFlight: endpoints.map(({ upstream, name, requests }) => ({ upstream, endpoint: name, requests })),
    retries: page.counter(RETRIES_TOTAL),
    hedges: page.counter(HEDGES_TOTAL),
    mirrored: page.counter(MIRRORED_TOTAL),
    mirrorsDropped: page.counter(MIRRORS_DROPPED),
    handshakes: {
      total: page.counter(HANDSHAKES_TOTAL),
      resumed: page.counter(HANDSHAKES_RESUMED),
      failed: page.counter(HANDSHAKES_FAILED),
    },
    latencyUs: {
      count: latency.reduce((sum, count) => sum + count, 0),
      p50: percentile(latency, 0.5),
      p90: percentile(latency, 0.9),
      p99: percentile(latency, 0.99),
      p999: percentile(latency, 0.999),
      max: Math.max(...page.rows.map(row => row.counters[LATENCY_MAX_US] as number)),
    },
  }
}
