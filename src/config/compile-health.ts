import type {
  ActiveCheckSnapshot,
  FieldLine,
  PassiveHealthSnapshot,
  SuccessRateSnapshot,
} from '../../engine/snapshot.ts'
import { usualCheck } from './health-check.ts'
import type { ConfigurationModel } from './schema.ts'
import type { UpstreamUses } from './upstream-uses.ts'

type HealthModel = ConfigurationModel['upstreams'][string]['health']
type ActiveModel = NonNullable<HealthModel['active']>
type PassiveModel = NonNullable<HealthModel['passive']>

/** What a check takes from its upstream where it says nothing itself. */
type Checked = Pick<ConfigurationModel['upstreams'][string], 'protocol' | 'tls'>

export function compileActive(
  active: ActiveModel | undefined,
  upstream: Checked,
  uses: UpstreamUses,
): ActiveCheckSnapshot | null {
  if (active === undefined) return null
  const type = active.type ?? usualCheck(Boolean(upstream.tls), uses)
  return {
    type,
    protocol: active.protocol ?? protocolOf(type, upstream.protocol),
    intervalMs: active.interval,
    jitter: active.jitter,
    // A shorter interval shortens the default of the timeout.
    timeoutMs: Math.min(active.timeout, active.interval),
    healthyThreshold: active.healthy,
    unhealthyThreshold: active.unhealthy,
    start: active.start,
    port: active.port ?? 0,
    method: active.method,
    path: active.path,
    host: active.host ?? '',
    fields: Object.entries(active.headers) as FieldLine[],
    statuses: active.expect,
    content: active.body ?? '',
    verify: active.tls.verify ?? (upstream.tls ? upstream.tls.verify : true),
    serverName: active.tls.server_name ?? '',
    service: active.service ?? '',
    send: active.send ?? '',
    expect: active.receive ?? '',
  }
}

/** The upstream's own, unless that is one for the other kind of connection. */
function protocolOf(type: ActiveCheckSnapshot['type'], protocol: Checked['protocol']): Checked['protocol'] {
  const isSecure = protocol === 'h2' || protocol === 'auto'
  return isSecure === (type === 'https') ? protocol : 'http'
}

export function compilePassive(passive: PassiveModel | null): PassiveHealthSnapshot | null {
  if (passive === null) return null
  return {
    consecutive: passive.consecutive,
    failures: passive.failures,
    windowMs: passive.window,
    consecutive5xx: passive.consecutive_5xx,
    consecutiveGatewayErrors: passive.consecutive_gateway_errors,
    successRate: passive.success_rate === undefined ? null : compileSuccessRate(passive.success_rate),
    ejectMs: passive.eject,
    // A longer first ejection lengthens the default of the longest.
    ejectMaxMs: Math.max(passive.max_eject, passive.eject),
    ejectedMax: passive.max_ejected,
  }
}

function compileSuccessRate(rate: NonNullable<PassiveModel['success_rate']>): SuccessRateSnapshot {
  return {
    intervalMs: rate.interval,
    endpointsMin: rate.endpoints,
    requestsMin: rate.requests,
    deviations: rate.deviations,
  }
}
