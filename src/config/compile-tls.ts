import { resolve } from 'node:path'
import type { ListenerTlsSnapshot, TlsProfile, UpstreamTlsSnapshot } from '../../engine/snapshot.ts'
import type {
  AcmeSettings,
  CertificateFiles,
  ListenerTlsFiles,
  TlsFiles,
  UpstreamTlsFiles,
} from '../certificates/tls-files.ts'
import { DEFAULT_CIPHERS, isForTls13 } from './cipher.ts'
import { isPemText } from './file-name.ts'
import type { ConfigurationModel } from './schema.ts'

/** What TLS is like on either side; and which files it needs, whose content is put in afterwards. */

type ListenerModel = ConfigurationModel['listeners'][string]
type ListenerTlsModel = NonNullable<ListenerModel['tls']>
type UpstreamModel = ConfigurationModel['upstreams'][string]
type UpstreamTlsModel = NonNullable<UpstreamModel['tls']>
type ProfileModel = Pick<ListenerTlsModel, 'min_version' | 'max_version' | 'ciphers' | 'curves'>

/** Without what stands in files. */
export function compileListenerTls({ protocol, tls, http2 }: ListenerModel): ListenerTlsSnapshot | null {
  if (tls === undefined) return null
  const usual = protocol === 'tcp' ? [] : http2 === null ? ['http/1.1'] : ['h2', 'http/1.1']
  const { client_auth: clientAuth } = tls
  return {
    ...compileProfile(tls),
    certificates: [],
    alpn: tls.alpn ?? usual,
    clientAuth: { mode: clientAuth?.mode ?? 'none', ca: '', crl: '', forward: clientAuth?.forward ?? 'none' },
    handshakeMs: tls.handshake_timeout,
    handshakesMax: tls.handshakes,
    tickets: tls.session_tickets,
    strictNames: tls.strict_sni,
  }
}

/** Without what stands in files. */
export function compileUpstreamTls({ tls }: UpstreamModel): UpstreamTlsSnapshot | null {
  if (!tls) return null
  return {
    ...compileProfile(tls),
    serverName: tls.server_name ?? '',
    ca: '',
    crl: '',
    verify: tls.verify,
    pins: [...new Set(tls.pins)],
    chain: '',
    key: '',
    resumes: tls.session_reuse,
  }
}

function compileProfile({ min_version, max_version, ciphers, curves }: ProfileModel): TlsProfile {
  return {
    minVersion: min_version,
    maxVersion: max_version,
    ciphers: withBothVersions(ciphers).join(':'),
    curves: curves.join(':'),
  }
}

/** Whoever names suites for one version says nothing of the other. */
function withBothVersions(ciphers: readonly string[]): string[] {
  const of = (list: readonly string[], tls13: boolean) => list.filter(cipher => isForTls13(cipher) === tls13)
  return [true, false].flatMap(tls13 => {
    const named = of(ciphers, tls13)
    return named.length > 0 ? named : of(DEFAULT_CIPHERS, tls13)
  })
}

/** `Strict-Transport-Security`; empty for none. */
export function compileHsts(hsts: ListenerTlsModel['hsts']): string {
  if (!hsts) return ''
  const subdomains = hsts.include_subdomains ? '; includeSubDomains' : ''
  return `max-age=${Math.floor(hsts.max_age / 1000)}${subdomains}${hsts.preload ? '; preload' : ''}`
}

/** `folder` is where relative names begin. */
export function compileTlsFiles(model: ConfigurationModel, folder: string): TlsFiles {
  return {
    listeners: Object.entries(model.listeners).flatMap(([name, { tls }]) =>
      tls === undefined ? [] : [listenerFiles(name, tls, folder)],
    ),
    upstreams: Object.entries(model.upstreams).flatMap(([name, { tls }]) =>
      tls ? [upstreamFiles(name, tls, folder)] : [],
    ),
  }
}

function listenerFiles(listener: string, tls: ListenerTlsModel, folder: string): ListenerTlsFiles {
  return {
    listener,
    certificates: tls.certificates.map(certificate => certificateFiles(certificate, folder)),
    clientCa: sourceOf(tls.client_auth?.ca, folder),
    clientCrl: sourceOf(tls.client_auth?.crl, folder),
    acme: tls.acme === undefined ? null : acmeSettings(tls.acme, folder),
  }
}

function upstreamFiles(upstream: string, tls: UpstreamTlsModel, folder: string): UpstreamTlsFiles {
  const { cert, key, passphrase } = tls
  return {
    upstream,
    ca: sourceOf(tls.ca, folder),
    crl: sourceOf(tls.crl, folder),
    certificate: cert === undefined ? null : certificateFiles({ cert, key, passphrase }, folder),
  }
}

/** As a configuration writes it. */
export interface WrittenCertificate {
  readonly cert: string
  readonly key?: string | undefined
  readonly passphrase?: string | undefined
  readonly ocsp?: string | undefined
}

export function certificateFiles(
  { cert, key, passphrase, ocsp }: WrittenCertificate,
  folder: string,
): CertificateFiles {
  return {
    certificate: sourceOf(cert, folder),
    key: sourceOf(key, folder),
    passphrase: passphrase ?? '',
    ocsp: sourceOf(ocsp, folder),
  }
}

/** An absolute path, or the text itself; empty for none. */
export function sourceOf(written: string | undefined, folder: string): string {
  if (written === undefined) return ''
  const text = written.trimStart()
  return isPemText(text) ? text : resolve(folder, written)
}

function acmeSettings(acme: NonNullable<ListenerTlsModel['acme']>, folder: string): AcmeSettings {
  const { external_account: account } = acme
  return {
    directory: acme.directory,
    email: acme.email ?? '',
    hosts: [...new Set(acme.hosts)],
    challenge: acme.challenge,
    store: resolve(folder, acme.store),
    renewBeforeMs: acme.renew_before,
    keyType: acme.key_type,
    ca: sourceOf(acme.ca, folder),
    externalAccount: account === undefined ? null : { keyId: account.key_id, hmacKey: account.hmac_key },
  }
}
