/** How connections to one endpoint are encrypted. */
import { ClientTls, type TlsPeer } from '../net/tls/client-tls.ts'
import type { UpstreamTlsSnapshot } from '../snapshot.ts'
import { nameOfHost } from './host-name.ts'

/** What all endpoints of an upstream share. It is made when it is needed: whoever explains a configuration connects to nobody. */
export class UpstreamTls {
  readonly #settings: UpstreamTlsSnapshot
  #tls: ClientTls | null = null

  constructor(settings: UpstreamTlsSnapshot) {
    this.#settings = settings
  }

  /** @throws {Error} where OpenSSL cannot make use of a certificate, a key or a list. */
  open(): ClientTls {
    this.#tls ??= ClientTls.of(this.#settings)
    return this.#tls
  }
}

export class EndpointTls {
  readonly #upstream: UpstreamTls
  readonly #alpn: readonly string[]
  #host = ''
  #peer: TlsPeer | null = null

  /** `alpn` are the protocols that are offered, the one that is liked best first. */
  constructor(upstream: UpstreamTls, alpn: readonly string[]) {
    this.#upstream = upstream
    this.#alpn = alpn
  }

  /** Whom to expect at an endpoint whose `Host` is `host`, unless the upstream says otherwise. With it go the sessions to be had. */
  peer(host: string): TlsPeer {
    if (this.#peer === null || host !== this.#host) {
      this.#host = host
      this.#peer = this.#upstream.open().peer(nameOfHost(host), this.#alpn)
    }
    return this.#peer
  }
}
