import type { Listening } from './listen.ts'

interface BoundHandle {
  bind(host: string, port: number): number
  getsockname(out: { port?: number }): number
  close(callback: () => void): void
}

interface TcpBinding {
  readonly TCP: new (kind: number) => BoundHandle
  readonly constants: { readonly SERVER: number }
}

/**
 * A port of 127.0.0.1 that refuses connections and stays taken: a socket is bound to it and never listens, so nobody else
 * can come to listen on it while a test counts on the refusal. Nor does the system choose it as the local port of the
 * very connection that is to be refused, which would then be joined to itself.
 */
export async function refusingPort(): Promise<Listening> {
  const load = (process as unknown as { binding(name: string): unknown }).binding
  const { TCP, constants } = load('tcp_wrap') as TcpBinding
  const handle = new TCP(constants.SERVER)
  const name: { port?: number } = {}
  const status = handle.bind('127.0.0.1', 0) || handle.getsockname(name)
  if (status !== 0 || name.port === undefined) throw new Error(`no port to be had: ${status}`)
  const { port } = name
  let closed: Promise<void> | null = null
  const close = () => {
    closed ??= new Promise<void>(resolve => handle.close(resolve))
    return closed
  }
  return { address: { kind: 'tcp', host: '127.0.0.1', port }, port, close, [Symbol.asyncDispose]: close }
}
