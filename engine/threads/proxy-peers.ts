/** Whose connections to a listener begin with a header of the PROXY protocol. */
import { AddressBlocks } from '../shared/address-blocks.ts'
import type { Address, ListenerSnapshot } from '../snapshot.ts'

export class ProxyPeers {
  /** `null` where nobody does. */
  readonly #trusted: AddressBlocks | null
  readonly #isUnix: boolean
  readonly timeoutMs: number

  constructor({ address, proxyProtocol }: Pick<ListenerSnapshot, 'address' | 'proxyProtocol'>) {
    this.#trusted = proxyProtocol === null ? null : new AddressBlocks(proxyProtocol.trusted)
    this.#isUnix = address.kind === 'unix'
    this.timeoutMs = proxyProtocol?.timeoutMs ?? 0
  }

  /** Whoever can open a unix socket is on this machine, put there by its owner. */
  has(peer: Address | null): boolean {
    if (this.#trusted === null) return false
    if (this.#isUnix) return true
    return peer?.kind === 'tcp' && this.#trusted.has(peer.host)
  }
}
