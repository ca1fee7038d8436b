/** Encryption of a listener's connections: contexts for OpenSSL, one for each set of certificates that stands side by side. */
import type { CertificateSnapshot, ListenerTlsSnapshot } from '../../snapshot.ts'
import type { CertificateQuestion, SecureContext } from '../handles.ts'
import { tlsLibrary } from './load.ts'
import { authorities, revocationLists } from './pem.ts'
import { alpnWire } from './protocols.ts'
import { certificatesByName, ServerNames } from './server-names.ts'
import { SESSION_SECONDS } from './session-time.ts'
import { stapleFor } from './staple.ts'
import type { TicketKeys } from './ticket-keys.ts'
import type { TlsConnection } from './tls-connection.ts'

/** RFC 6066, section 3. */
const UNRECOGNIZED_NAME = 112

interface Identity {
  readonly context: SecureContext
  readonly certificates: readonly CertificateSnapshot[]
}

export interface ServerTlsOptions {
  /** Of the listener, for errors. */
  readonly listener: string
  readonly settings: ListenerTlsSnapshot
  readonly ticketKeys: TicketKeys
  /** The listener's before: what has not changed of it is taken over. `null` for none. */
  readonly before: ServerTls | null
}

export class ServerTls {
  readonly settings: ListenerTlsSnapshot
  readonly #names = new ServerNames<Identity>()
  /** For those who name no host, or one that there is no certificate for; `null` where there is none at all. */
  readonly #fallback: Identity | null
  /** Handshakes begin with it, as long as nothing is known of the name. */
  readonly base: SecureContext
  /**
   * The name must be known before a handshake begins: what takes a context's place later brings one certificate with it, not
   * those that stand side by side.
   */
  readonly readsHello: boolean
  readonly #contexts = new Map<string, SecureContext>()
  /** The client's hello is looked at before a certificate is shown. */
  readonly #asks: boolean
  readonly #alpn: Buffer

  /** @throws {Error} where OpenSSL cannot make use of a certificate, a key or a list. */
  constructor(options: ServerTlsOptions) {
    const { settings } = options
    this.settings = settings
    this.#alpn = alpnWire(settings.alpn)
    const { certificates } = settings
    const byName = certificatesByName(certificates)
    const [first] = certificates
    this.#fallback = first === undefined ? null : this.#identity(options, besides(first, byName))
    for (const [name, theirs] of byName) this.#names.set(name, this.#identity(options, theirs))
    this.base = this.#fallback?.context ?? this.#context(options, [])
    const several = this.#contexts.size > 1
    this.readsHello = [...byName.values()].some(
      theirs => theirs.length > 1 && this.#context(options, theirs) !== this.base,
    )
    const staples = certificates.some(({ ocsp }) => ocsp !== null)
    this.#asks = several || staples || settings.strictNames || this.#fallback === null
  }

  #identity(options: ServerTlsOptions, certificates: readonly CertificateSnapshot[]): Identity {
    return { certificates, context: this.#context(options, certificates) }
  }

  #context(options: ServerTlsOptions, certificates: readonly CertificateSnapshot[]): SecureContext {
    const { settings, listener, ticketKeys, before } = options
    const scope = scopeOf(listener, settings)
    const key = keyOf(settings, scope, certificates)
    const known = this.#contexts.get(key) ?? (before === null ? undefined : before.#contexts.get(key))
    const context = known ?? createContext(settings, scope, certificates)
    if (known === undefined && settings.tickets) ticketKeys.serve(context, scope)
    this.#contexts.set(key, context)
    return context
  }

  /** What the handshake begins with of a client that has named that host. */
  contextFor(serverName: string): SecureContext {
    return this.#names.find(serverName)?.context ?? this.base
  }

  /** Before the handshake, which begins with that context. */
  prepare(connection: TlsConnection, context: SecureContext): void {
    const { handle } = connection
    const { mode } = this.settings.clientAuth
    if (this.#alpn.length > 0) handle.setALPNProtocols(this.#alpn)
    if (mode !== 'none') handle.setVerifyMode(true, mode === 'require')
    if (!this.#asks) return
    handle.enableCertCb()
    handle.oncertcb = question => connection.guard(() => this.#choose(connection, context, question))
  }

  #choose(
    connection: TlsConnection,
    context: SecureContext,
    { servername = '', OCSPRequest }: CertificateQuestion,
  ): void {
    const { handle } = connection
    const identity = this.#names.find(servername) ?? (this.settings.strictNames ? null : this.#fallback)
    if (identity === null) {
      const asked = servername === '' ? 'the client named no host' : `no certificate is for ${servername}`
      connection.refuse(UNRECOGNIZED_NAME, 'ERR_TLS_UNRECOGNIZED_NAME', asked)
      return
    }
    if (identity.context !== context) handle.sni_context = identity.context
    const staple = OCSPRequest ? stapleFor(identity.certificates, handle) : null
    if (staple !== null) handle.setOCSPResponse(staple)
    handle.certCbDone()
  }

  /** Whether the client is one to be served. Empty, or what is wrong with its certificate in OpenSSL's words. */
  check({ handle }: TlsConnection): string {
    const { mode } = this.settings.clientAuth
    if (mode === 'none') return ''
    if (handle.getPeerX509Certificate() === undefined) return mode === 'require' ? 'ERR_TLS_NO_CERTIFICATE' : ''
    const failure = handle.verifyError()
    return failure === null ? '' : (failure.code ?? 'CERT_UNTRUSTED')
  }
}

/** A certificate, and those of other kinds that stand beside it for its first name. */
function besides(
  first: CertificateSnapshot,
  byName: ReadonlyMap<string, readonly CertificateSnapshot[]>,
): readonly CertificateSnapshot[] {
  const beside = byName.get(first.names[0] ?? '') ?? []
  return beside.includes(first) ? beside : [first]
}

/** Sessions are taken up only where clients are asked for the same: a hash, as OpenSSL takes 32 bytes. */
function scopeOf(listener: string, { clientAuth }: ListenerTlsSnapshot): string {
  const { mode, ca, crl } = clientAuth
  return digest(JSON.stringify(mode === 'none' ? [] : [listener, mode, ca, crl]))
}

function keyOf(
  { minVersion, maxVersion, ciphers, curves, tickets }: ListenerTlsSnapshot,
  scope: string,
  certificates: readonly CertificateSnapshot[],
): string {
  const texts = certificates.map(({ chain, key }) => [chain, key])
  return digest(JSON.stringify([minVersion, maxVersion, ciphers, curves, tickets, scope, texts]))
}

function digest(text: string): string {
  return tlsLibrary().crypto.createHash('sha256').update(text).digest('hex').slice(0, 32)
}

function createContext(
  settings: ListenerTlsSnapshot,
  scope: string,
  certificates: readonly CertificateSnapshot[],
): SecureContext {
  const { tls, crypto } = tlsLibrary()
  const { clientAuth, minVersion, maxVersion, ciphers, curves, tickets } = settings
  const { context } = tls.createSecureContext({
    cert: certificates.map(({ chain }) => chain),
    key: certificates.map(({ key }) => key),
    ca: clientAuth.mode === 'none' ? [] : authorities(clientAuth.ca),
    crl: clientAuth.mode === 'none' ? [] : revocationLists(clientAuth.crl),
    minVersion,
    maxVersion,
    ciphers,
    ecdhCurve: curves,
    sessionIdContext: scope,
    sessionTimeout: SESSION_SECONDS,
    secureOptions: tickets ? 0 : crypto.constants.SSL_OP_NO_TICKET,
  })
  return context as SecureContext
}
