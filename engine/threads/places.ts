/** The addresses that an endpoint of the configuration stands for. */
import { formatAddress } from '../net/address.ts'
import type { Answer, ServiceAnswer } from '../net/resolver.ts'
import type { Address } from '../snapshot.ts'

export interface Place {
  readonly address: Address
  /** The name that a virtual host there goes by; `null` for what the configuration says. */
  readonly host: string | null
  /** What the records of a service say; `null` where nobody says anything. */
  readonly weight: number | null
  /** Rank among the priorities of a service; 0 for others. */
  readonly rank: number
}

export function placesOfHost({ addresses }: Answer, port: number): Place[] {
  return addresses.map(host => ({ address: { kind: 'tcp', host, port }, host: null, weight: null, rank: 0 }))
}

/** A service's priorities count from 0 here, whatever numbers it gives them; a weight of 0 is the least that there is. */
export function placesOfService({ targets }: ServiceAnswer): Place[] {
  const ranks = [...new Set(targets.map(target => target.priority))].sort((a, b) => a - b)
  const seen = new Set<string>()
  const places: Place[] = []
  for (const { host, addresses, port, priority, weight } of targets) {
    for (const literal of addresses) {
      const address: Address = { kind: 'tcp', host: literal, port }
      const key = formatAddress(address)
      if (seen.has(key)) continue
      seen.add(key)
      places.push({ address, host, weight: Math.max(1, weight), rank: ranks.indexOf(priority) })
    }
  }
  return places
}
