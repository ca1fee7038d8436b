import { formatAddress } from '../../../engine/net/address.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { parseAddress, sameListenerAddress } from '../address.ts'
import { quote } from '../parsed.ts'
import type { KeyPath } from '../positions.ts'
import { parseSize } from '../units.ts'
import { mapOf, type Report, type Section } from './written.ts'

export function checkListeners(listeners: Section, report: Report): void {
  const seen: { name: string; address: Address }[] = []
  for (const [name, item] of Object.entries(listeners)) {
    const { address: written, limits } = mapOf(item)
    checkLimits(mapOf(limits), ['listeners', name, 'limits'], report)
    const parsed = typeof written === 'string' ? parseAddress(written, 'listener') : null
    if (!parsed?.ok) continue
    const other = seen.find(({ address }) => sameListenerAddress(address, parsed.value))
    seen.push({ name, address: parsed.value })
    if (other === undefined) continue
    const message = `${quote(String(written))} is taken by the listener ${quote(other.name)}`
    const difference = formatAddress(other.address) === formatAddress(parsed.value) ? '' : '":port" takes IPv4 too'
    report(['listeners', name, 'address'], message, difference)
  }
}

function checkLimits(limits: Section, path: KeyPath, report: Report): void {
  if (typeof limits.head !== 'string' || typeof limits.target !== 'string') return
  const head = parseSize(limits.head, 0, Number.MAX_SAFE_INTEGER)
  const target = parseSize(limits.target, 0, Number.MAX_SAFE_INTEGER)
  if (!head.ok || !target.ok || target.value <= head.value) return
  report([...path, 'target'], `${limits.target} is more than "head" (${limits.head}), of which the target is a part`)
}
