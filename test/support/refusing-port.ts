import { type AddressInfo, connect, createServer } from 'node:net'
import { type Listening, listenOn } from './listen.ts'

/**
 * A port of 127.0.0.1 that refuses connections and stays taken: it is the local port of an open connection, so nobody
 * else can come to listen on it while a test counts on the refusal.
 */
export async function refusingPort(): Promise<Listening> {
  const helper = await listenOn(createServer())
  const socket = connect({ host: '127.0.0.1', port: helper.port })
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  const { port } = socket.address() as AddressInfo
  const close = async () => {
    socket.destroy()
    await helper.close()
  }
  return { address: { kind: 'tcp', host: '127.0.0.1', port }, port, close, [Symbol.asyncDispose]: close }
}
