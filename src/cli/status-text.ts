import { formatAddress } from '../../engine/net/address.ts'
import type { EndpointState, EndpointStatus, WorkerStatus } from '../../engine/threads/api.ts'
import { formatBytes, formatLatency } from '../bench/format.ts'
import type { InstanceStatus, UpstreamStatus } from '../control/methods.ts'
import type { ListenerStatus } from '../control/spoken.ts'
import { shortHash } from '../telemetry/log-reload.ts'
import { CERTIFICATE_HEAD, certificateRows, certificateTroubles } from './certificates-text.ts'
import type { Colour, Paint } from './colours.ts'

/** The page that `sluice status` prints: who it is, then tables of workers, listeners, upstreams and requests. */

/** With `before`, the status of a moment ago, rates are told too. */
export function renderStatus(status: InstanceStatus, paint: Paint, before: InstanceStatus | null = null): string {
  const sections = [
    identity(status, paint),
    section('workers', workersTable(status.workers), paint),
    section('listeners', listenersTable(status.listeners), paint),
    section('certificates', { head: CERTIFICATE_HEAD, rows: certificateRows(status) }, paint),
    certificateTroubles(status)
      .map(line => paint('red', line))
      .join('\n'),
    section('upstreams', upstreamsTable(status), paint),
    section('requests', requestsTable(status, before), paint),
  ]
  return `${sections.filter(text => text !== '').join('\n\n')}\n`
}

function identity(
  { version, node, pid, state, uptimeMs, rssBytes, configuration }: InstanceStatus,
  paint: Paint,
): string {
  const { file, hash, generation, warnings, lastReload } = configuration
  const rows: Row[] = [
    [`sluice ${version}`, `process ${pid}, Node.js ${node}, ${formatBytes(rssBytes)} of memory`],
    ['state', `${state}, up for ${formatAge(uptimeMs)}`, state === 'running' ? 'green' : 'yellow'],
    ['configuration', file],
    ['generation', `${generation} (${shortHash(hash)})`],
  ]
  if (warnings.length > 0) rows.push(['warnings', `${warnings.length}: sluice validate tells them`, 'yellow'])
  if (lastReload !== null && !lastReload.ok) {
    const [reason] = lastReload.message.split('\n')
    rows.push(['last reload', `failed ${formatAge(Date.now() - lastReload.atMs)} ago: ${reason}`, 'red'])
  }
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows
    .map(([name, text, colour]) => `${paint('bold', name.padEnd(width))}  ${colour ? paint(colour, text) : text}`)
    .join('\n')
}

type Row = readonly [name: string, text: string, colour?: Colour]

/** A cell, and the colour it gets; widths are those of the text. */
type Cell = string | readonly [text: string, colour: Colour]

interface Table {
  readonly head: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
}

function section(title: string, { head, rows }: Table, paint: Paint): string {
  if (rows.length === 0) return ''
  const texts = [[title, ...head], ...rows.map(row => row.map(textOf))]
  const widths = texts[0]?.map((_, column) => Math.max(...texts.map(row => row[column]?.length ?? 0))) ?? []
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, column) => {
        const text = textOf(cell)
        const padding = column === cells.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - text.length)
        return `${typeof cell === 'string' ? text : paint(cell[1], text)}${padding}`
      })
      .join('  ')
      .trimEnd()
  const [, ...names] = [title, ...head]
  const heading = line([[title, 'bold'], ...names.map((name): Cell => [name, 'dim'])])
  return [heading, ...rows.map(line)].join('\n')
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell[0]
}

function workersTable(workers: readonly WorkerStatus[]): Table {
  return {
    head: ['state', 'connections', 'requests', 'restarts', 'up for'],
    rows: workers.map(({ worker, state, connectionsOpen, exchangesActive, restarts, startedAtMs }) => [
      `  ${worker}`,
      [state, state === 'running' ? 'green' : 'red'],
      String(connectionsOpen),
      String(exchangesActive),
      restarts === 0 ? '0' : [String(restarts), 'yellow'],
      formatAge(Date.now() - startedAtMs),
    ]),
  }
}

function listenersTable(listeners: readonly ListenerStatus[]): Table {
  return {
    head: ['address', 'speaks'],
    rows: listeners.map(listener => [`  ${listener.name}`, formatAddress(listener.address), spokenBy(listener)]),
  }
}

function spokenBy({ scheme, protocols, clientCertificates, leadsToHttps, upstreams }: ListenerStatus): string {
  if (leadsToHttps) return `${scheme}, leads to https`
  const asks = clientCertificates === 'none' ? '' : `, ${ASKS[clientCertificates]}`
  const spoken = protocols.length === 0 ? scheme : `${scheme} (${protocols.join(', ')})`
  return `${spoken}${asks}${upstreams.length === 0 ? '' : `, to ${upstreams.join(', ')}`}`
}

const ASKS = { request: 'asks for certificates', require: 'wants certificates' } as const

const STATE_COLOURS: Readonly<Record<EndpointState, Colour>> = {
  up: 'green',
  probing: 'yellow',
  draining: 'yellow',
  circuit_half_open: 'yellow',
  circuit_open: 'red',
  ejected: 'red',
  unhealthy: 'red',
  down: 'dim',
}

function upstreamsTable({ upstreams, listeners }: InstanceStatus): Table {
  const ofFlows = new Set(listeners.flatMap(listener => listener.upstreams))
  return {
    head: ['state', 'weight', 'requests', 'connections', 'tries', 'good', 'role'],
    rows: upstreams.flatMap(upstream => [
      upstreamRow(upstream, ofFlows.has(upstream.name)),
      ...upstream.endpoints.map(endpointRow),
    ]),
  }
}

function upstreamRow({ name, protocol, tls, circuit, endpoints }: UpstreamStatus, hasFlows: boolean): Cell[] {
  const up = endpoints.filter(({ state }) => state === 'up').length
  const isWhole = up === endpoints.length && (circuit === null || circuit === 'closed')
  const state = circuit === null || circuit === 'closed' ? `${up} of ${endpoints.length} up` : `circuit ${circuit}`
  const sum = (count: (endpoint: EndpointStatus) => number) => endpoints.reduce((all, one) => all + count(one), 0)
  const requests = sum(({ requests }) => requests)
  return [
    `  ${name}`,
    [state, isWhole ? 'green' : up === 0 ? 'red' : 'yellow'],
    '',
    String(requests),
    '',
    '',
    '',
    hasFlows && protocol === 'http' ? (tls ? 'tls' : '') : spokenTo(protocol, tls),
  ]
}

/** Nothing of what is spoken nearly everywhere. */
function spokenTo(protocol: UpstreamStatus['protocol'], tls: boolean): string {
  if (protocol === 'http') return tls ? 'https' : ''
  return protocol
}

function endpointRow({
  name,
  state,
  weight,
  requests,
  connections,
  tries,
  goodTries,
  backup,
  priority,
}: EndpointStatus): Cell[] {
  const roles = [backup ? 'backup' : '', priority === 0 ? '' : `priority ${priority}`]
  return [
    `    ${name}`,
    [state.replaceAll('_', ' '), STATE_COLOURS[state]],
    String(weight),
    String(requests),
    connections < 0 ? '-' : String(connections),
    String(tries),
    tries === 0 ? '-' : formatShare(goodTries / tries),
    roles.filter(role => role !== '').join(', '),
  ]
}

function requestsTable({ stats, uptimeMs, droppedLines }: InstanceStatus, before: InstanceStatus | null): Table {
  const { exchangesActive, exchangesTotal, statusClasses, retries, hedges, latencyUs } = stats
  const seconds = before === null ? 0 : (uptimeMs - before.uptimeMs) / 1000
  const rate =
    before === null || seconds <= 0 ? '' : `, ${Math.round((exchangesTotal - before.stats.exchangesTotal) / seconds)}/s`
  const classes = statusClasses
    .map((count, index) => (count === 0 ? '' : `${index === 0 ? 'none' : `${index}xx`} ${count}`))
    .filter(text => text !== '')
  const rows: Cell[][] = [
    ['  in all', `${exchangesTotal}${rate}, ${exchangesActive} under way`],
    ['  connections', `${stats.connectionsTotal}, ${stats.connectionsOpen} open`],
    ['  answers', classes.join(', ') || 'none yet'],
    ['  bytes', `${formatBytes(stats.bytesIn)} in, ${formatBytes(stats.bytesOut)} out`],
  ]
  const { active, total, evicted, datagramsDropped } = stats.flows
  if (active + total > 0) rows.push(['  flows', `${total} ended, ${active} under way`])
  if (evicted > 0) rows.push(['  flows ended early', [`${evicted}, for want of room`, 'yellow']])
  if (datagramsDropped > 0) rows.push(['  datagrams', [`${datagramsDropped} dropped`, 'yellow']])
  if (stats.connectionsRefused > 0) rows.push(['  refused', [`${stats.connectionsRefused} connections`, 'yellow']])
  if (retries + hedges > 0) rows.push(['  second tries', `${retries} retries, ${hedges} hedges`])
  if (latencyUs.count > 0) rows.push(['  latency', describeLatency(latencyUs)])
  if (droppedLines > 0) rows.push(['  log', [`${droppedLines} lines lost`, 'yellow']])
  return { head: [''], rows }
}

function describeLatency({ p50, p90, p99, p999, max }: InstanceStatus['stats']['latencyUs']): string {
  const parts = { p50, p90, p99, 'p99.9': p999, max }
  return Object.entries(parts)
    .map(([name, us]) => `${name} ${formatLatency(us)}`)
    .join(', ')
}

function formatShare(share: number): string {
  // Never rounded up to all of them.
  return `${(Math.floor(share * 1000) / 10).toFixed(1)}%`
}

/** The two largest units: `3d 4h`, `2m 5s`. */
function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return '0s'
  return parts
    .slice(first, first + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}
