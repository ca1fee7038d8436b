import { CERTIFICATE_READERS } from '../http/client-tls.ts'
import type { CertificatePart } from '../snapshot.ts'
import type { RoutedRequest } from './request.ts'

const NONE: readonly string[] = []

/** What there is to be asked of the client's certificate: of a part there may be several; nothing where it has shown none. */
export function certificateValues({ source }: RoutedRequest, part: CertificatePart): readonly string[] {
  const { tls } = source.forwarding
  return tls === null || tls.clientCertificate === null ? NONE : CERTIFICATE_READERS[part](tls.clientCertificate)
}
