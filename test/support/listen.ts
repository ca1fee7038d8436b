import type { AddressInfo, Server, Socket } from 'node:net'
import type { Address } from '../../engine/snapshot.ts'

export type TcpAddress = Extract<Address, { kind: 'tcp' }>

/** A peer that listens. `await using` closes it. */
export interface Listening extends AsyncDisposable {
  readonly address: Address
  /** 0 on a unix socket. */
  readonly port: number
  /** Stops listening and cuts what is open. */
  close(): Promise<void>
}

/** Listens on a free port of 127.0.0.1, or on a unix socket, and keeps an eye on the open sockets. */
export async function listenOn(server: Server, unixPath?: string): Promise<Listening> {
  const open = new Set<Socket>()
  server.on('connection', socket => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    if (unixPath === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(unixPath, resolve)
  })
  const port = unixPath === undefined ? (server.address() as AddressInfo).port : 0
  const address: Address =
    unixPath === undefined ? { kind: 'tcp', host: '127.0.0.1', port } : { kind: 'unix', path: unixPath }
  const close = () =>
    new Promise<void>(resolve => {
      for (const socket of open) socket.destroy()
      server.close(() => resolve())
    })
  return { address, port, close, [Symbol.asyncDispose]: close }
}

/** `net.connect` options for an address. */
export function connectOptions(address: Address | number): { host: string; port: number } | { path: string } {
  if (typeof address === 'number') return { host: '127.0.0.1', port: address }
  return address.kind === 'tcp' ? { host: address.host, port: address.port } : { path: address.path }
}
