import { formatAddress } from '../../../engine/net/address.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { overlapsListenerAddress, parseAddress, sameListenerAddress } from '../address.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { parseSize } from '../units.ts'
import { checkFlowRoutes } from './flow-routes.ts'
import { checkListenerKeys } from './listener-keys.ts'
import { checkChallenge, checkHttpsRedirect, checkListenerTls } from './listener-tls.ts'
import type { KnownNames } from './names.ts'
import { checkAcceptedProxyProtocol } from './proxy-protocol.ts'
import type { TlsSurroundings } from './tls-files.ts'
import { checkHttp2 } from './upstream-tls.ts'
import { mapOf, type Report, type Section } from './written.ts'

export interface ListenerSurroundings {
  /** Those of files of certificates. */
  readonly tls: TlsSurroundings
  readonly upstreamNames: KnownNames
}

export function checkListeners(listeners: Section, { tls, upstreamNames }: ListenerSurroundings, report: Report): void {
  const seen: Taken[] = []
  for (const [name, item] of Object.entries(listeners)) {
    const path = ['listeners', name]
    const listener = mapOf(item)
    const { address: written, limits, http2 } = listener
    checkListenerKeys(listener, path, report)
    checkFlowRoutes(listener, upstreamNames, path, report)
    checkAcceptedProxyProtocol(listener, path, report)
    checkListenerTls(listener, tls, path, report)
    checkHttpsRedirect(listener, listeners, path, report)
    checkChallenge(listener, listeners, path, report)
    checkHttp2(http2, [...path, 'http2'], report)
    checkLimits(mapOf(limits), ['listeners', name, 'limits'], report)
    const parsed = typeof written === 'string' ? parseAddress(written, 'listener') : null
    if (!parsed?.ok) continue
    const isUdp = listener.protocol === 'udp'
    if (isUdp && parsed.value.kind === 'unix') {
      report('wrong-address', [...path, 'address'], 'datagrams come to a host and a port', 'such as ":53"')
    }
    const beside = seen.filter(other => other.isUdp === isUdp)
    checkAddress(name, String(written), parsed.value, beside, report)
    seen.push({ name, address: parsed.value, isUdp })
  }
}

interface Taken {
  readonly name: string
  readonly address: Address
  /** TCP and UDP have ports of their own. */
  readonly isUdp: boolean
}

function checkAddress(name: string, written: string, address: Address, seen: readonly Taken[], report: Report): void {
  const path = ['listeners', name, 'address']
  const same = seen.find(other => sameListenerAddress(other.address, address))
  if (same !== undefined) {
    const message = `${quote(written)} is taken by the listener ${quote(same.name)}`
    const hint =
      formatAddress(same.address) === formatAddress(address) ? 'give it a port of its own' : '":port" takes IPv4 too'
    report('address-in-use', path, message, hint, ['listeners', same.name, 'address'])
    return
  }
  const overlap = seen.find(other => overlapsListenerAddress(other.address, address))
  if (overlap === undefined) return
  const message = `${quote(written)} shares its port with the listener ${quote(overlap.name)}, and one of the addresses lies in the other`
  const hint = 'fine if it is meant: connections to the single address go to its own listener'
  report('address-overlap', path, message, hint, ['listeners', overlap.name, 'address'])
}

function checkLimits(limits: Section, path: KeyPath, report: Report): void {
  if (typeof limits.head !== 'string' || typeof limits.target !== 'string') return
  const head = parseSize(limits.head, 0, Number.MAX_SAFE_INTEGER)
  const target = parseSize(limits.target, 0, Number.MAX_SAFE_INTEGER)
  if (!head.ok || !target.ok || target.value <= head.value) return
  report(
    'wrong-order',
    [...path, 'target'],
    `${limits.target} is more than "head" (${limits.head}), of which the target is a part`,
  )
}
