import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Configuration, loadConfiguration } from '../config/load.ts'
import { type Origin, type OriginIdentity, startOrigin } from './origin.ts'

export interface Demo {
  /** The configuration to start the proxy with. */
  readonly configurationPath: string
  /** Lines to print: what a visitor can do now. */
  readonly whatToTry: string[]
  /** Ends the origins. */
  close(): Promise<void>
}

const IDENTITIES: readonly OriginIdentity[] = [
  { name: 'blue', color: '#2f6fed' },
  { name: 'green', color: '#1f9d63' },
  { name: 'orange', color: '#e07a1f' },
]

/**
 * Starts the origins of the demonstration, one for each TCP endpoint of the configuration. Rejects where one cannot
 * listen; nothing stays behind then.
 */
export async function startDemo(configurationPath: string = demoConfigurationPath()): Promise<Demo> {
  const configuration = await loadConfiguration(configurationPath)
  const origins: Origin[] = []
  const close = async (): Promise<void> => {
    await Promise.all(origins.map(origin => origin.close()))
  }
  try {
    for (const { host, port } of endpointAddresses(configuration)) {
      origins.push(await startOrigin(IDENTITIES[origins.length % IDENTITIES.length]!, host, port))
    }
  } catch (error) {
    await close()
    throw error
  }
  return { configurationPath, whatToTry: whatToTry(configuration, origins), close }
}

/** `config/` is beside `src/` in the sources, and beside `dist/` in the package. */
function demoConfigurationPath(): string {
  const candidates = ['../../config/demo.yaml', '../../../config/demo.yaml']
  const paths = candidates.map(path => fileURLToPath(new URL(path, import.meta.url)))
  return paths.find(path => existsSync(path)) ?? paths[0]!
}

function endpointAddresses({ snapshot }: Configuration): { host: string; port: number }[] {
  return snapshot.upstreams
    .flatMap(upstream => upstream.endpoints)
    .flatMap(({ address }) => (address.kind === 'tcp' ? [{ host: address.host, port: address.port }] : []))
}

function whatToTry({ snapshot }: Configuration, origins: readonly Origin[]): string[] {
  const address = snapshot.listeners[0]?.address
  const base = `http://localhost:${address?.kind === 'tcp' ? address.port : 8080}`
  const tries = [
    [`${base}/`, 'a page: open it in a browser'],
    [`curl ${base}/whoami`, `again and again: ${origins.map(origin => origin.name).join(', ')} in turn`],
    [`curl -i ${base}/teapot`, 'an answer of the proxy itself'],
    [`curl -H 'Host: hello.example.com' ${base}/`, 'a route by host name'],
    [`curl -i ${base}/headers/x`, 'field lines set and removed, both ways'],
    [`curl -d 'hi' ${base}/echo`, 'the request as the origin saw it'],
    [`curl -N ${base}/events`, 'server-sent events, each as it comes'],
    [`curl -o /dev/null '${base}/large?mib=512'`, 'streamed, not gathered'],
    [`curl -i ${base}/status/503`, 'any status; /slow?ms=2000 to wait'],
  ] as const
  const width = Math.max(...tries.map(([command]) => command.length))
  return ['', 'Sluice runs. Try:', '', ...tries.map(([command, what]) => `  ${command.padEnd(width)}   ${what}`), '']
}
