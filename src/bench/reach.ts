import { lookup } from 'node:dns/promises'
import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { BenchError, type BenchSettings } from './options.ts'
import type { TlsPlan } from './plan.ts'

/** Finds out where the target is, with one connection: a target that is not there is one message, not a million errors. */

export interface TargetAddress {
  readonly host: string
  readonly port: number
}

/** What is wrong with a certificate, by Node's codes; anything else of TLS speaks for itself. */
const CERTIFICATE_CODES =
  /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|ERR_TLS_CERT_ALTNAME_INVALID$)/

/**
 * The first address of the target that takes a connection (with HTTPS: and shows a certificate that is trusted).
 *
 * @throws {BenchError} where none does.
 */
export async function reachTarget(settings: BenchSettings, signal: AbortSignal | undefined): Promise<TargetAddress> {
  const { url } = settings
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80)
  const addresses = await resolveHost(host)
  const reasons = new Set<string>()
  for (const address of addresses) {
    try {
      await tryConnecting({ host: address, port }, settings, signal)
      return { host: address, port }
    } catch (error) {
      reasons.add(describe(error))
    }
  }
  throw new BenchError(`cannot connect to ${url.origin}: ${[...reasons].join('; ')}`)
}

/** How the connections to a target do TLS; `null` where they don't. */
export function tlsPlan({ url, insecure, ca, serverName }: BenchSettings): TlsPlan | null {
  if (url.protocol !== 'https:') return null
  const name = url.hostname.replace(/^\[|\]$/g, '')
  return { serverName: serverName ?? (isIP(name) === 0 ? name : ''), isVerified: !insecure, ca }
}

async function resolveHost(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host]
  try {
    return (await lookup(host, { all: true })).map(found => found.address)
  } catch {
    throw new BenchError(`there is no host with the name ${host}`)
  }
}

async function tryConnecting(
  address: TargetAddress,
  settings: BenchSettings,
  signal: AbortSignal | undefined,
): Promise<void> {
  const tls = tlsPlan(settings)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket: Socket =
    tls === null
      ? connect(address, resolve)
      : connectTls(
          {
            ...address,
            servername: tls.serverName,
            rejectUnauthorized: tls.isVerified,
            ALPNProtocols: ['http/1.1'],
            ...(tls.ca !== null && { ca: tls.ca }),
          },
          resolve,
        )
  socket.on('error', reject)
  socket.on('close', () => reject(new Error('the target closed the connection')))
  const seconds = settings.timeoutMs / 1000
  const timer = setTimeout(() => reject(new Error(`no connection within ${seconds} s`)), settings.timeoutMs)
  const onAbort = () => reject(new Error('interrupted'))
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted) onAbort()
  try {
    await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
    clearTimeout(timer)
    socket.destroy()
  }
}

function describe(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'ECONNREFUSED') return 'nothing listens there (ECONNREFUSED)'
  if (CERTIFICATE_CODES.test(code)) {
    return `its certificate is not trusted (${message.replace(/\.$/, '')}); name the CA with --ca, or accept any with --insecure`
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) return `it does not speak TLS as expected (${code})`
  return message
}
