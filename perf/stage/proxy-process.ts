/** The process of a proxy that is measured: a proxy of one worker from whatever tree it is told, run by IPC. */
import { pathToFileURL } from 'node:url'
import { BroadcastChannel } from 'node:worker_threads'
import type { Proxy as SluiceProxy } from '../../src/index.ts'
import type { FromProxyProcess, ProxySettings, ToProxyProcess } from './proxy-messages.ts'
import { PROFILE_CHANNEL } from './proxy-messages.ts'

type Library = typeof import('../../src/index.ts')

let proxy: SluiceProxy | null = null
const profiler = new BroadcastChannel(PROFILE_CHANNEL)
const tell = (message: FromProxyProcess) => process.send?.(message)

/** More than a load opens, so that no connection to the origin is closed and opened again for want of room. */
const IDLE_CONNECTIONS = 1000

async function start(entry: string, { originPort, accessLog, pipelining }: ProxySettings): Promise<void> {
  const { createProxy } = (await import(pathToFileURL(entry).href)) as Library
  proxy = await createProxy(
    {
      runtime: { workers: 1 },
      log: { access: { enabled: accessLog } },
      listeners: { web: { address: '127.0.0.1:0' } },
      upstreams: {
        origin: {
          endpoints: [{ address: `127.0.0.1:${originPort}` }],
          pool: { idle: IDLE_CONNECTIONS, pipelining },
        },
      },
      routes: [{ upstream: 'origin' }],
    },
    { logs: accessLog },
  )
  const address = proxy.listeners[0]?.address
  if (address?.kind !== 'tcp') throw new Error('the proxy has no listener')
  tell({ kind: 'listening', port: address.port })
}

profiler.onmessage = event => {
  const message = (event as { data: FromProxyProcess | ToProxyProcess }).data
  if (message.kind === 'profiling' || message.kind === 'profiled' || message.kind === 'failed') tell(message)
}

process.on('message', (message: ToProxyProcess) => {
  if (message.kind === 'start') {
    start(message.entry, message.settings).catch((error: Error) => tell({ kind: 'failed', message: error.message }))
  } else if (message.kind === 'count') {
    tell({ kind: 'counted', exchanges: proxy?.stats().exchangesTotal ?? 0 })
  } else {
    profiler.postMessage(message)
  }
})
// Whoever measures has ended, in whatever way.
process.on('disconnect', () => process.exit())
