/** Encryption towards origins: one context for an upstream, and for each endpoint what it is asked for. */
import { isIP } from 'node:net'
import type { UpstreamTlsSnapshot } from '../../snapshot.ts'
import type { SecureContext } from '../handles.ts'
import { ClientSessions, NewSessions } from './client-sessions.ts'
import { tlsLibrary } from './load.ts'
import { authorities, revocationLists } from './pem.ts'
import { alpnWire } from './protocols.ts'
import type { TlsConnection } from './tls-connection.ts'

let systemAuthorities: readonly string[] | null = null

/** What the system trusts; where it says nothing of it, what Node does. */
function authoritiesOfSystem(): readonly string[] {
  const { tls } = tlsLibrary()
  if (systemAuthorities === null) {
    const system = tls.getCACertificates('system')
    systemAuthorities = system.length > 0 ? system : tls.getCACertificates('bundled')
  }
  return systemAuthorities
}

export class ClientTls {
  readonly settings: UpstreamTlsSnapshot
  readonly context: SecureContext

  private constructor(settings: UpstreamTlsSnapshot, context: SecureContext) {
    this.settings = settings
    this.context = context
  }

  /** @throws {Error} where OpenSSL cannot make use of a certificate, a key or a list. */
  static of(settings: UpstreamTlsSnapshot): ClientTls {
    const { tls, crypto } = tlsLibrary()
    const { ca, crl, chain, key, verify, minVersion, maxVersion, ciphers, curves } = settings
    const { context } = tls.createSecureContext({
      ca: verify ? (ca === '' ? [...authoritiesOfSystem()] : authorities(ca)) : [],
      crl: revocationLists(crl),
      ...(chain === '' ? {} : { cert: chain, key }),
      minVersion,
      maxVersion,
      ciphers,
      ecdhCurve: curves,
      secureOptions: crypto.constants.SSL_OP_NO_RENEGOTIATION,
    })
    return new ClientTls(settings, context as SecureContext)
  }

  /**
   * An endpoint as it is to be spoken to. `host` is whom it must prove to be, unless the settings name somebody else: a name,
   * which is sent along (SNI), or an address. `alpn` are the application protocols that are offered, in order of preference.
   */
  peer(host: string, alpn: readonly string[]): TlsPeer {
    return new TlsPeer(this, this.settings.serverName === '' ? host : this.settings.serverName, alpn)
  }
}

export class TlsPeer {
  readonly tls: ClientTls
  readonly name: string
  readonly alpn: readonly string[]
  readonly sessions: ClientSessions = new ClientSessions()

  constructor(tls: ClientTls, name: string, alpn: readonly string[]) {
    this.tls = tls
    this.name = name
    this.alpn = alpn
  }

  /** Before the handshake. What comes back is to be told when `check` has found nothing wrong; null: no sessions are kept. */
  prepare({ handle }: TlsConnection): NewSessions | null {
    if (this.alpn.length > 0) handle.setALPNProtocols(alpnWire(this.alpn))
    if (isIP(this.name) === 0 && this.name !== '') handle.setServername(this.name)
    handle.setVerifyMode(true, false)
    if (!this.tls.settings.resumes) return null
    const session = this.sessions.take()
    if (session !== null) handle.setSession(session)
    handle.enableSessionCallbacks()
    const given = new NewSessions(this.sessions)
    handle.onnewsession = (_id, bytes) => given.add(bytes, handle.getProtocol() === 'TLSv1.3')
    return given
  }

  /** Whether the endpoint is the one that is meant. Empty, or what is wrong in OpenSSL's or Node's words. */
  check({ handle }: TlsConnection): string {
    const { verify, pins } = this.tls.settings
    if (verify) {
      const failure = handle.verifyError()
      if (failure !== null) return failure.code ?? 'CERT_UNTRUSTED'
    }
    // What is taken up again was checked when it began: only then are sessions kept, for this name and these settings alone.
    if (handle.isSessionReused() || (!verify && pins.length === 0)) return ''
    const { X509Certificate, createHash } = tlsLibrary().crypto
    const raw = handle.getPeerX509Certificate()?.raw()
    if (raw === undefined) return 'ERR_TLS_NO_CERTIFICATE'
    const certificate = new X509Certificate(raw)
    if (verify && !this.#isNamedIn(certificate)) return 'ERR_TLS_CERT_ALTNAME_INVALID'
    if (pins.length === 0) return ''
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
    return pins.includes(createHash('sha256').update(key).digest('base64')) ? '' : 'ERR_TLS_PIN_MISMATCH'
  }

  /** Subject alternative names alone count (RFC 9525, section 6.3), wildcards for one whole label. */
  #isNamedIn(certificate: InstanceType<typeof import('node:crypto').X509Certificate>): boolean {
    if (isIP(this.name) !== 0) return certificate.checkIP(this.name) !== undefined
    return certificate.checkHost(this.name, { subject: 'never', partialWildcards: false }) !== undefined
  }
}

const TEXTS: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for other names',
  ERR_TLS_PIN_MISMATCH: 'its key is none of those that are pinned',
  ERR_TLS_NO_CERTIFICATE: 'it has shown no certificate',
  CERT_HAS_EXPIRED: 'its certificate, or one that it rests on, has expired',
  CERT_NOT_YET_VALID: 'its certificate, or one that it rests on, is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate rests on an authority that is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate rests on an authority that is not trusted, or an intermediate is missing',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate rests on an authority that is not trusted, or an intermediate is missing',
  UNABLE_TO_GET_CRL: 'there is no revocation list of the authority of its certificate',
  CRL_HAS_EXPIRED: 'the revocation list of its authority is out of date',
}

/** What a failed handshake means, for the log; as it came where there is nothing better to say. */
export function handshakeText(error: string, detail: string): string {
  return TEXTS[error] ?? detail
}
