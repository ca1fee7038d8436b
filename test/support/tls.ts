/** Pieces of snapshots about TLS, with the defaults of a configuration. */
import type {
  CertificateSnapshot,
  ClientAuthSnapshot,
  ListenerTlsSnapshot,
  TlsProfile,
  UpstreamTlsSnapshot,
} from '../../engine/snapshot.ts'
import type { TestCertificate } from './certificates.ts'

export const TLS_PROFILE: TlsProfile = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers:
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305',
  curves: 'X25519MLKEM768:X25519:prime256v1:secp384r1',
}

export function certificateSnapshot(
  { chain, key }: Pick<TestCertificate, 'chain' | 'key'>,
  names: readonly string[] = ['localhost'],
  more: Partial<CertificateSnapshot> = {},
): CertificateSnapshot {
  return { chain, key, names, keyType: 'ecdsa', ocsp: null, ...more }
}

export interface TestListenerTls extends Partial<Omit<ListenerTlsSnapshot, 'clientAuth'>> {
  readonly clientAuth?: Partial<ClientAuthSnapshot>
}

export function listenerTls({ clientAuth, ...more }: TestListenerTls): ListenerTlsSnapshot {
  return {
    ...TLS_PROFILE,
    certificates: [],
    alpn: ['http/1.1'],
    handshakeMs: 10_000,
    handshakesMax: 1000,
    tickets: true,
    strictNames: false,
    ...more,
    clientAuth: { mode: 'none', ca: '', crl: '', forward: 'none', ...clientAuth },
  }
}

export function upstreamTls(more: Partial<UpstreamTlsSnapshot>): UpstreamTlsSnapshot {
  return {
    ...TLS_PROFILE,
    serverName: '',
    ca: '',
    crl: '',
    verify: true,
    pins: [],
    chain: '',
    key: '',
    resumes: true,
    ...more,
  }
}
