/** Whose request it is, where proxies of ours stand in between. */
import { isIP } from 'node:net'
import { X_FORWARDED_FOR } from '../http/field-names.ts'
import type { Head } from '../http/head.ts'
import type { RequestSource } from './request.ts'

/** The nearest address that is not one of our proxies': behind those, the field says who it was. */
export function clientAddress(head: Head, source: RequestSource): string {
  const { forwarding } = source
  if (!forwarding.trusted) return forwarding.client
  let nearest = forwarding.client
  for (let index = head.fieldCount - 1; index >= 0; index -= 1) {
    if (head.ids[index] !== X_FORWARDED_FOR) continue
    for (const entry of head.value(index).split(',').reverse()) {
      const address = withoutPort(entry.trim())
      if (address === '') continue
      // Whoever wrote what is no address is not to be believed about what stands before it.
      if (isIP(address) === 0) return nearest
      nearest = address
      if (!source.isTrusted(address)) return nearest
    }
  }
  return nearest
}

/** `1.2.3.4:5` and `[::1]:5`, which some proxies write. */
function withoutPort(entry: string): string {
  return entry.replace(/^\[([^\]]*)\](:\d+)?$/, '$1').replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
}
