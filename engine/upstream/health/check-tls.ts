/** Connections of checks with TLS: as requests have them, where the upstream says how. */
import { createHash, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type ConnectionOptions, checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import type { UpstreamTlsSnapshot } from '../../snapshot.ts'
import type { CheckPlan } from './check-probe.ts'
import { openSocket, reasonOf, targetOf } from './check-socket.ts'

export function openTls(plan: CheckPlan, alpn: string[]): TLSSocket {
  const { serverName, settings, tls } = plan
  return connect({
    ...(plan.opening.length === 0 ? targetOf(plan) : { socket: openSocket(plan) }),
    ...(tls === null ? {} : optionsOf(tls)),
    rejectUnauthorized: settings.verify,
    ALPNProtocols: alpn,
    // RFC 6066, section 3: a server name is never an IP address. The certificate is checked against either.
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_, certificate) => checkServerIdentity(serverName, certificate),
  })
}

function optionsOf({ minVersion, maxVersion, ciphers, curves, ca, crl, chain, key }: UpstreamTlsSnapshot) {
  const options: ConnectionOptions = { minVersion, maxVersion, ciphers, ecdhCurve: curves }
  if (ca !== '') options.ca = ca
  if (crl !== '') options.crl = crl
  if (chain !== '') Object.assign(options, { cert: chain, key })
  return options
}

/** Why a certificate that is good otherwise is none of those that are pinned; empty where it is, or none are. */
export function pinFailure({ tls }: CheckPlan, socket: TLSSocket): string {
  if (tls === null || tls.pins.length === 0) return ''
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return 'certificate not accepted: none was sent'
  return tls.pins.includes(pinOf(certificate)) ? '' : 'certificate not accepted: its public key is not one of the pins'
}

/** RFC 7469, section 2.4. */
function pinOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64')
}

export function tlsReasonOf(error: NodeJS.ErrnoException, socket: TLSSocket): string {
  if (!socket.authorizationError) return reasonOf(error)
  // Behind the semicolon Node gives advice on its own options.
  return `certificate not accepted: ${error.message.split('; ', 1)[0]}`
}
