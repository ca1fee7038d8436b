import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import type { Address } from '../../../engine/snapshot.ts'
import { connectOptions } from '../../support/listen.ts'
import type { Trust } from './exchange.ts'

/** A connection of a client, over TLS where it trusts somebody; `protocol` is what it names by ALPN. */
export async function connectSocket(address: Address, trust: Trust | null, protocol: string): Promise<Socket> {
  const socket = connect({ ...connectOptions(address), noDelay: true })
  await once(socket, 'connect')
  if (trust === null) return socket
  const secure = connectSecurely({ socket, servername: 'localhost', ca: trust.authority, ALPNProtocols: [protocol] })
  await once(secure, 'secureConnect')
  return secure
}

/** Cuts a connection by RST where it is plain; what lies below TLS is not to be had. */
export function resetSocket(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}
