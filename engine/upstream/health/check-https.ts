/** A check over HTTPS: the same as over HTTP, on a connection with TLS. */
import { isIP } from 'node:net'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { HttpProbe } from './check-http.ts'
import type { CheckPlan, Probe, ProbeEnd } from './check-probe.ts'
import { reasonOf, targetOf } from './check-socket.ts'

export function openHttpsProbe(plan: CheckPlan, onEnd: ProbeEnd): Probe {
  const socket = openTls(plan)
  return new HttpProbe(plan, socket, error => tlsReasonOf(error, socket), onEnd)
}

function openTls(plan: CheckPlan): TLSSocket {
  const { serverName, settings } = plan
  const options = {
    ...targetOf(plan),
    rejectUnauthorized: settings.verify,
    ALPNProtocols: ['http/1.1'],
    // RFC 6066, section 3: a server name is never an IP address. The certificate is checked against either.
    servername: isIP(serverName) === 0 ? serverName : '',
    checkServerIdentity: (_: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(serverName, certificate),
  }
  return connect(options)
}

function tlsReasonOf(error: NodeJS.ErrnoException, socket: TLSSocket): string {
  if (!socket.authorizationError) return reasonOf(error)
  // Behind the semicolon Node gives advice on its own options.
  return `certificate not accepted: ${error.message.split('; ', 1)[0]}`
}
