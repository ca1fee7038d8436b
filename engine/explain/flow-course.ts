/** Where a connection or a datagram goes that is passed on as it comes, by the code that decides it for real ones. */
import type { Generation } from '../exchange/generation.ts'
import { ServerNameTable } from '../l4/tcp/server-names.ts'
import type { StatePage } from '../shared/state-page.ts'
import type { Snapshot, TcpListenerSnapshot, UdpListenerSnapshot } from '../snapshot.ts'
import { chooseForFlow } from './endpoint-choice.ts'
import { endpointsOf, explainUpstream } from './endpoints.ts'
import { ExplainError } from './explain-error.ts'
import type { ExplainRequest } from './explanation.ts'
import type { FlowExplanation, FlowQuestion, FlowRule } from './flow-explanation.ts'

/** What a connection is that a request leads to whose listener reads none; `null` for requests that are read. */
export function flowOf({ listeners, tcpListeners }: Snapshot, asked: ExplainRequest): FlowQuestion | null {
  const { scheme, authority, from, listener } = asked
  const written = /:(\d{1,5})$/.exec(authority)?.[1]
  const port = written === undefined ? (scheme === 'https' ? 443 : 80) : Number(written)
  const isThere =
    listener === ''
      ? !listeners.some(one => hasPort(one, port)) && tcpListeners.some(one => hasPort(one, port))
      : tcpListeners.some(({ name }) => name === listener)
  if (!isThere) return null
  const common = { transport: 'tcp', port, listener, from } as const
  if (scheme === 'http') return { ...common, begins: 'http', serverName: '', alpn: [] }
  const host = authority.slice(0, written === undefined ? undefined : -written.length - 1)
  const serverName = /^[\d.]+$|^\[/.test(host) ? '' : host.toLowerCase()
  return { ...common, begins: 'tls', serverName, alpn: ['h2', 'http/1.1'] }
}

/** @throws {ExplainError} for a listener that there is not. */
export function explainFlow(
  snapshot: Snapshot,
  page: StatePage,
  { upstreams }: Pick<Generation, 'upstreams'>,
  asked: FlowQuestion,
): FlowExplanation {
  const { listener, reason } = chooseFlowListener(snapshot, asked)
  const course = 'serverNames' in listener ? courseOfTcp(snapshot, listener, asked) : courseOfUdp(listener)
  const upstream = course.upstream < 0 ? undefined : upstreams[course.upstream]
  const common = {
    protocol: asked.transport,
    listener: { name: listener.name, reason },
    client: asked.from,
    begins: asked.begins,
    serverName: asked.serverName,
    alpn: asked.alpn,
    isDecrypted: 'tls' in listener && listener.tls !== null,
    rules: course.rules,
  }
  if (upstream === undefined) return { ...common, upstream: null, error: course.error }
  const endpoints = endpointsOf(page, upstream)
  const choice = chooseForFlow(page, upstream, asked.from)
  const destination = { target: { upstream }, reason: course.reason, alternatives: [] }
  const error = choice.refusal === null ? '' : choice.refusal.code
  return { ...common, upstream: explainUpstream(destination, endpoints, choice), error }
}

interface ListenerChoice {
  readonly listener: TcpListenerSnapshot | UdpListenerSnapshot
  readonly reason: string
}

function chooseFlowListener(snapshot: Snapshot, { transport, port, listener }: FlowQuestion): ListenerChoice {
  const all = transport === 'tcp' ? snapshot.tcpListeners : snapshot.udpListeners
  if (listener !== '') {
    const named = all.find(({ name }) => name === listener)
    if (named !== undefined) return { listener: named, reason: 'as asked for' }
    const names = all.map(({ name }) => name).join(', ')
    throw new ExplainError(
      `there is no listener ${JSON.stringify(listener)} that speaks ${transport}; there is ${names || 'none'}`,
    )
  }
  const beside = all.find(one => hasPort(one, port))
  if (beside !== undefined) return { listener: beside, reason: `it has port ${port}` }
  const http = transport === 'tcp' ? snapshot.listeners.find(one => hasPort(one, port)) : undefined
  if (http !== undefined) {
    const scheme = http.tls === null ? 'http' : 'https'
    throw new ExplainError(`port ${port} is the listener ${http.name}'s, which speaks http: ask with ${scheme}://`)
  }
  const [first, second] = all
  if (first === undefined) throw new ExplainError(`no listener speaks ${transport}`)
  return { listener: first, reason: second === undefined ? 'the only one' : `the first one: none has port ${port}` }
}

function hasPort({ address }: Pick<TcpListenerSnapshot, 'address'>, port: number): boolean {
  return address.kind === 'tcp' && address.port === port
}

interface FlowCourse {
  readonly rules: readonly FlowRule[]
  /** Index; -1 for none. */
  readonly upstream: number
  readonly reason: string
  readonly error: string
}

function courseOfUdp({ upstream }: UdpListenerSnapshot): FlowCourse {
  return { rules: [], upstream, reason: '', error: '' }
}

function courseOfTcp(snapshot: Snapshot, listener: TcpListenerSnapshot, asked: FlowQuestion): FlowCourse {
  const { tls, serverNames, firstBytes, upstream } = listener
  if (tls !== null && asked.begins !== 'tls') {
    return { rules: [], upstream: -1, reason: '', error: 'handshake_failed' }
  }
  // Of a handshake that ends here, what was agreed on counts.
  const agreed = tls === null ? asked.alpn : tls.alpn.filter(name => asked.alpn.includes(name)).slice(0, 1)
  const looked = [
    ...serverNames.map(rule => ({
      rule: `sni ${rule.names.join(', ')}${rule.alpn.length === 0 ? '' : ` with ${rule.alpn.join(' or ')}`}`,
      upstream: rule.upstream,
      fits: asked.begins === 'tls' && new ServerNameTable([rule]).find(asked.serverName, agreed) >= 0,
    })),
    ...(['http', 'proxy', 'tls'] as const).map(kind => ({
      rule: `first_bytes ${kind}`,
      upstream: firstBytes[kind],
      fits: tls === null && asked.begins === kind,
    })),
  ].filter(rule => rule.upstream >= 0)
  const chosen = looked.find(({ fits }) => fits)
  const rules = looked.map(one => ({
    ...one,
    upstream: snapshot.upstreams[one.upstream]?.name ?? '',
    chosen: one === chosen,
  }))
  if (chosen !== undefined) return { rules, upstream: chosen.upstream, reason: `by ${chosen.rule}`, error: '' }
  const reason = looked.length === 0 ? '' : 'for what no rule takes'
  const error = asked.begins === 'none' ? 'first_bytes_timeout' : 'no_flow_route'
  return { rules, upstream, reason, error: upstream < 0 ? error : '' }
}
