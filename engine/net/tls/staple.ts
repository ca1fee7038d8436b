/** Which authority's response goes along with the certificate (RFC 6066, section 8): the one of the certificate that will be shown. */
import type { CertificateSnapshot } from '../../snapshot.ts'
import type { TlsHandle } from '../handles.ts'

/**
 * Where certificates stand side by side it is OpenSSL that takes one, later. With TLS 1.3 it takes the first kind of signature
 * that both ends know; with TLS 1.2 the cipher decides as well, and where that leaves a choice nothing is stapled.
 */
export function stapleFor(certificates: readonly CertificateSnapshot[], handle: TlsHandle): Uint8Array | null {
  const [only, ...others] = certificates
  if (only === undefined) return null
  if (others.length === 0) return only.ocsp
  const kinds = handle
    .getSharedSigalgs()
    .map(kindOf)
    .filter(kind => certificates.some(({ keyType }) => keyType === kind))
  const [first] = kinds
  const isCertain = handle.getProtocol() === 'TLSv1.3' || kinds.every(kind => kind === first)
  return isCertain ? (certificates.find(({ keyType }) => keyType === first)?.ocsp ?? null) : null
}

/** Of `ECDSA+SHA256`, `RSA-PSS+SHA256`, `Ed25519+UNDEF`. */
function kindOf(algorithm: string): CertificateSnapshot['keyType'] | '' {
  if (algorithm.startsWith('ECDSA')) return 'ecdsa'
  if (algorithm.startsWith('RSA')) return 'rsa'
  return algorithm.startsWith('Ed') ? 'eddsa' : ''
}
