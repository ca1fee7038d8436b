import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Certificate } from '../../frame/certificate.ts'
import { endpointAddresses } from '../../frame/endpoints.ts'
import { type Peer, type Presence, type ProxyCommand, type ProxySetup, UDP_IDLE_SECONDS } from '../../frame/peer.ts'
import { probeExecutable } from '../native-command.ts'
import { writeFilled } from '../template.ts'

const ROOT = join(import.meta.dirname, '../../..')

/** What is measured: the compiled program, as users of the package run it. */
const BUILT_MAIN = join(ROOT, 'dist/src/cli/main.js')
/** The same from its sources, for tests, which run before anything is built. */
export const SOURCE_MAIN: string = join(ROOT, 'src/cli/main.ts')

/** Most that `pool.idle` takes. */
const POOL_IDLE_MAX = 10_000

export function sluicePeer(main: string = BUILT_MAIN): Peer {
  return {
    name: 'sluice',
    kind: 'sluice',
    capabilities: new Set([
      'http1',
      'websocket',
      'pipelining',
      'access-log',
      'workers',
      'least-connections',
      'https',
      'h2',
      'h2c',
      'grpc',
      'tcp',
      'udp',
    ]),
    probe: () => probe(main),
    command: setup => command(main, setup),
  }
}

function tlsLine({ certificate, key }: Certificate): string {
  return `tls: { certificates: [{ cert: ${certificate}, key: ${key} }], ciphers: [TLS_AES_128_GCM_SHA256], curves: [X25519] }`
}

function probe(main: string): Presence {
  if (!existsSync(main)) return { absent: 'not built: npm run build' }
  return probeExecutable(process.execPath, [main, '--version'], /(\d+\.\d+\.\d+\S*)/)
}

function command(main: string, setup: ProxySetup): ProxyCommand {
  const { listens } = setup
  const path = listens === 'tcp' || listens === 'udp' ? flowFile(setup, listens) : httpFile(setup)
  const args = [main, 'start', '-c', path]
  if (setup.accessLogPath === null) return { executable: process.execPath, args }
  // Sluice logs to stdout. The shell only opens the file: `exec` makes its process the proxy's.
  return { executable: '/bin/sh', args: ['-c', 'exec "$@" >"$0"', setup.accessLogPath, process.execPath, ...args] }
}

function commonValues(setup: ProxySetup) {
  return {
    workers: setup.workers,
    port: setup.port,
    connections: setup.connections,
    balance: setup.endpoints > 1 ? 'least_connections' : 'round_robin',
    endpoints: endpointAddresses(setup.endpoints, setup.originPort)
      .map(address => `{ address: ${address} }`)
      .join(', '),
  }
}

function flowFile(setup: ProxySetup, listens: 'tcp' | 'udp'): string {
  const responses = setup.responses === null ? '' : `, responses: ${setup.responses}`
  return writeFilled(setup.folder, 'sluice.yaml', join(import.meta.dirname, 'flows.yaml'), {
    ...commonValues(setup),
    protocol: listens,
    idle: listens === 'udp' ? `udp: { idle: ${UDP_IDLE_SECONDS}s${responses} }` : 'timeouts: { idle: 600s }',
  })
}

function httpFile(setup: ProxySetup): string {
  return writeFilled(setup.folder, 'sluice.yaml', join(import.meta.dirname, 'sluice.yaml'), {
    ...commonValues(setup),
    accessLog: String(setup.accessLogPath !== null),
    idle: Math.min(setup.connections, POOL_IDLE_MAX),
    pipelining: setup.pipelining,
    protocol: setup.originSpeaks === 'h2c' ? 'h2c' : 'http',
    tls: setup.certificate === null ? '' : tlsLine(setup.certificate),
  })
}
