import { freePort } from './free-port.ts'
import { type PeerProcess, startPeerProcess } from './peer-process.ts'

export interface RedisProcess extends AsyncDisposable {
  readonly port: number
  readonly process: PeerProcess
}

/** A server of its own that keeps everything in memory. */
export async function startRedis(): Promise<RedisProcess> {
  const port = await freePort()
  const settings = { port: String(port), bind: '127.0.0.1', save: '', appendonly: 'no', dir: '/', maxclients: '2000' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const peer = await startPeerProcess({ command: 'redis-server', args, port, endSignal: 'SIGKILL' })
  return { port, process: peer, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() }
}
