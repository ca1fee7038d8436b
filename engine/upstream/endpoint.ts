import type { NetContext } from '../net/connection.ts'
import type { TlsPeer } from '../net/tls/client-tls.ts'
import { WINDOW_CELLS } from '../shared/circuit-cells.ts'
import { ENDPOINT_CELLS, ENDPOINT_CIRCUIT } from '../shared/endpoint-cells.ts'
import type { StatePage, StateRow } from '../shared/state-page.ts'
import { UPSTREAM_CELLS, UPSTREAM_CIRCUIT } from '../shared/upstream-cells.ts'
import type { Address, CircuitBreakerSnapshot, UpstreamSnapshot } from '../snapshot.ts'
import { createPool } from './create-pool.ts'
import { EndpointTls, type UpstreamTls } from './endpoint-tls.ts'
import { Circuit } from './health/circuit.ts'
import { Permits } from './permits.ts'
import type { EndpointPlacement } from './placement.ts'
import { forOneRequest, type Pool, type PoolOwner } from './pool.ts'

/** What crosses threads, as one worker reaches it. */
export interface SharedState {
  readonly page: StatePage
  /** This worker's. */
  readonly row: StateRow
}

/** One address of an upstream, as a worker sees it. */
export class Endpoint {
  readonly name: string
  readonly address: Address
  /** Its column in the state page. */
  readonly column: number
  /** The first of its cells in `StatePage.endpointCells`. */
  readonly cells: number
  /** What the configuration calls it; the same for all addresses of a name. */
  readonly server: string
  /** What `Host` says where the route asks for the endpoint's own, or the request had none. */
  host: string
  weight: number
  readonly backup: boolean
  priority: number
  /** What the origin's own cookie calls it; empty where it has no name there. */
  readonly route: string
  /** The value of our sticky cookie that leads here; empty where there is none. */
  readonly token: string
  readonly permits: Permits
  /** `null` where endpoints have no circuit of their own. */
  readonly circuit: Circuit | null
  readonly pool: Pool
  /** It is one of its upstream's no more: what runs there ends, and nothing follows. */
  isGone = false
  /** It may be chosen only by `Health.enter`: one that is to show whether it is back. */
  gated = false
  readonly #tls: UpstreamTls | null
  /** By what is offered. */
  readonly #flowTls = new Map<string, EndpointTls>()

  constructor(
    placement: EndpointPlacement,
    upstream: UpstreamSnapshot,
    shared: SharedState,
    context: NetContext,
    owner: PoolOwner,
    tls: UpstreamTls | null,
  ) {
    this.name = placement.name
    this.address = placement.address
    this.column = placement.column
    this.cells = placement.column * ENDPOINT_CELLS
    this.server = placement.server
    this.host = placement.host
    this.weight = placement.weight
    this.backup = placement.backup
    this.priority = placement.priority
    this.route = placement.route
    this.token = placement.token
    this.permits = new Permits(shared.page, shared.row, placement.column, placement.connectionsMax)
    const { circuitBreaker } = upstream
    this.circuit =
      circuitBreaker === null || circuitBreaker.scope === 'upstream'
        ? null
        : endpointCircuit(circuitBreaker, shared, placement.column)
    const { pool, timeouts, http2, proxyProtocol } = upstream
    const settings = proxyProtocol === null ? pool : forOneRequest(pool)
    const parts = { endpoint: this, settings, http2, timeouts, proxyProtocol, context, owner }
    this.pool = createPool(upstream.protocol, parts, tls)
    this.#tls = tls
  }

  /**
   * Whom to expect, for a connection whose bytes nobody here understands; `null` for plain text. `alpn` is the protocol that is
   * offered; empty for none.
   */
  flowPeer(alpn: string): TlsPeer | null {
    if (this.#tls === null) return null
    let tls = this.#flowTls.get(alpn)
    if (tls === undefined) {
      tls = new EndpointTls(this.#tls, alpn === '' ? [] : [alpn])
      this.#flowTls.set(alpn, tls)
    }
    return tls.peer(this.host)
  }
}

function endpointCircuit(settings: CircuitBreakerSnapshot, { page, row }: SharedState, column: number): Circuit {
  return new Circuit(settings, {
    cells: page.endpointCells,
    base: column * ENDPOINT_CELLS + ENDPOINT_CIRCUIT,
    windows: page.rows.map(({ windows }) => windows),
    own: row.windows,
    windowBase: column * WINDOW_CELLS,
  })
}

/** The circuit of a whole upstream; `null` where it has none. */
export function upstreamCircuit(
  settings: CircuitBreakerSnapshot | null,
  { page, row }: SharedState,
  slot: number,
): Circuit | null {
  if (settings === null || settings.scope === 'endpoint') return null
  return new Circuit(settings, {
    cells: page.upstreamCells,
    base: slot * UPSTREAM_CELLS + UPSTREAM_CIRCUIT,
    windows: page.rows.map(({ windows }) => windows),
    own: row.windows,
    windowBase: (page.size.endpoints + slot) * WINDOW_CELLS,
  })
}
