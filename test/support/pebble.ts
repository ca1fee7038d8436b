import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import { within } from './bell.ts'
import { createAuthority } from './certificates.ts'
import { freePort } from './free-port.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Pebble, an authority for tests (RFC 8555), with the DNS server that it asks: every name leads to 127.0.0.1. */

export interface PebbleOptions {
  /** Where it looks for proofs. */
  readonly httpPort?: number
  readonly tlsPort?: number
  /** Of what it issues. */
  readonly validityS?: number
  /** Of 100 nonces, so many are refused though they are right. */
  readonly nonceRejectPercent?: number
  /** Accounts by key id, with their keys in base64url: then there has to be one. */
  readonly externalAccounts?: Readonly<Record<string, string>>
}

export interface Pebble extends AsyncDisposable {
  readonly directory: string
  /** The path of who vouches for its own server. */
  readonly ca: string
  /** Who vouches for what it issues. */
  root(): Promise<string>
  /** A name leads there, from now on. */
  setAddress(name: string, address: string): Promise<void>
  /** What it has logged. */
  readonly log: string
}

export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const folder = await temporaryFolder()
  const [port, managementPort, dnsPort, dnsManagementPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ])
  const authority = await createAuthority('Pebble server')
  const server = await authority.issue({ names: ['localhost', '127.0.0.1'] })
  writeFileSync(folder.file('ca.pem'), authority.certificate)
  writeFileSync(folder.file('cert.pem'), server.certificate)
  writeFileSync(folder.file('key.pem'), server.key)
  const { externalAccounts } = options
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: folder.file('cert.pem'),
    privateKey: folder.file('key.pem'),
    httpPort: options.httpPort ?? 1,
    tlsPort: options.tlsPort ?? 1,
    ocspResponderURL: '',
    externalAccountBindingRequired: externalAccounts !== undefined,
    externalAccountMACKeys: externalAccounts ?? {},
    certificateValidityPeriod: options.validityS ?? 90 * 24 * 3600,
  }
  writeFileSync(folder.file('pebble.json'), JSON.stringify({ pebble }))
  const env = {
    ...process.env,
    PEBBLE_VA_NOSLEEP: '1',
    PEBBLE_WFE_NONCEREJECT: String(options.nonceRejectPercent ?? 0),
    PEBBLE_AUTHZREUSE: '0',
  }
  const dns = start('pebble-challtestsrv', [
    ...['-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', ''],
    ...['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagementPort}`],
  ])
  const main = start('pebble', ['-config', folder.file('pebble.json'), '-dnsserver', `127.0.0.1:${dnsPort}`], env)
  await Promise.all([dns.logged('Starting management server'), main.logged('Listening on: 127.0.0.1')])
  return {
    directory: `https://localhost:${port}/dir`,
    ca: folder.file('ca.pem'),
    root: () => fetchText(`https://localhost:${managementPort}/roots/0`, readFileSync(folder.file('ca.pem'), 'utf8')),
    async setAddress(name, address) {
      const body = JSON.stringify({ host: name, addresses: [address] })
      await fetch(`http://127.0.0.1:${dnsManagementPort}/add-a`, { method: 'POST', body })
    },
    get log() {
      return main.log
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([dns.end(), main.end()])
      await folder[Symbol.asyncDispose]()
    },
  }
}

interface Running {
  readonly log: string
  /** Resolves when it has said that. */
  logged(part: string): Promise<void>
  end(): Promise<void>
}

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Running {
  const child: ChildProcess = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  let onLine = () => {}
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', chunk => {
      log += chunk
      onLine()
    })
  }
  const exited = once(child, 'exit')
  const gone = exited.then(([code]) => Promise.reject(new Error(`${command} ended with ${code}: ${log}`)))
  gone.catch(() => {})
  return {
    get log() {
      return log
    },
    async logged(part) {
      const done = new Promise<void>(resolve => {
        onLine = () => {
          if (log.includes(part)) resolve()
        }
        onLine()
      })
      await within(Promise.race([done, gone]), 10_000, () => `${command}: ${log}`)
    },
    async end() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function fetchText(url: string, ca: string): Promise<string> {
  const request = get(url, { ca })
  const [response] = await once(request, 'response')
  return await text(response)
}
