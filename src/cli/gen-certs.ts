import { isIP } from 'node:net'
import { relative } from 'node:path'
import { domainToASCII } from 'node:url'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { WrittenPair } from '../certificates/local-authority.ts'
import { CommandFailure } from './exit-codes.ts'
import { withExamples } from './help.ts'

/** `sluice gen-certs`: certificates for development, and for networks of one's own. */

interface GenCertsOptions {
  readonly hostname: readonly string[]
  readonly ip: readonly string[]
  readonly client?: string
  readonly out: string
  readonly days: number
  readonly rsa?: boolean
  readonly force?: boolean
}

const DAYS_MAX = 3650
const DAY_MS = 24 * 60 * 60 * 1000
/** Longer ones are refused by some clients, private authorities or not. */
const DAYS = 365

export function genCertsCommand(): Command {
  const command = new Command('gen-certs')
    .description('make a local authority, and certificates that it vouches for')
    .addOption(
      new Option('--hostname <NAME>', 'a name of the server; may be repeated')
        .argParser(gather(parseName))
        .default([], 'localhost'),
    )
    .addOption(
      new Option('--ip <ADDRESS>', 'an address of the server; may be repeated')
        .argParser(gather(parseAddress))
        .default([], 'those of localhost'),
    )
    .addOption(new Option('--client <NAME>', 'a certificate for a client of that name').argParser(parseClient))
    .addOption(new Option('-o, --out <FOLDER>', 'where to').default('certs'))
    .addOption(new Option('--days <N>', 'how long the certificates last').argParser(parseDays).default(DAYS))
    .addOption(new Option('--rsa', 'RSA keys, for clients that do not know ECDSA'))
    .addOption(new Option('-f, --force', 'replace certificates that are there; never the authority'))
    .action(generate)
  return withExamples(command, [
    'gen-certs --hostname localhost',
    'gen-certs --hostname app.internal --hostname "*.app.internal" --ip 10.0.0.5',
    'gen-certs --client alice',
  ])
}

function gather(parse: (text: string) => string): (text: string, before: readonly string[]) => readonly string[] {
  return (text, before) => [...before, parse(text)]
}

function parseName(text: string): string {
  const wildcard = text.startsWith('*.') ? '*.' : ''
  const name = domainToASCII(text.slice(wildcard.length)).toLowerCase()
  const isName =
    name.length <= 253 && name.split('.').every(label => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  if (!isName || isIP(name) !== 0)
    throw new InvalidArgumentError('It must be a host name, such as app.internal or *.app.internal.')
  return wildcard + name
}

function parseAddress(text: string): string {
  // A zone (%eth0) is this machine's name for a link, which certificates have no place for.
  if (isIP(text) !== 0 && !text.includes('%')) return text
  throw new InvalidArgumentError('It must be an IPv4 or IPv6 address.')
}

/** What the common name of a certificate may be (RFC 5280, appendix A.1), in characters that are seen. */
function parseClient(text: string): string {
  const isName = text.trim() === text && text.isWellFormed() && /^[^\p{Cc}\p{Zl}\p{Zp}]{1,64}$/u.test(text)
  if (isName) return text
  throw new InvalidArgumentError('It must be a name of 1 to 64 characters.')
}

function parseDays(text: string): number {
  const days = /^[0-9]+$/.test(text) ? Number(text) : 0
  if (days >= 1 && days <= DAYS_MAX) return days
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${DAYS_MAX}.`)
}

async function generate(options: GenCertsOptions): Promise<void> {
  const { assertFree, issueInto, LocalAuthorityError, openLocalAuthority, pairIn } = await import(
    '../certificates/local-authority.ts'
  )
  const { out, client, days, rsa, force = false } = options
  const names = serverNames(options)
  const [first] = names
  const wanted = [
    ...(first === undefined ? [] : [{ files: pairIn(out, first), names }]),
    ...(client === undefined
      ? []
      : [{ files: pairIn(out, `client-${client}`), names: [], commonName: client, isForClient: true }]),
  ]
  const written = wanted.map(({ files }) => files)
  try {
    const opened = await openLocalAuthority(out)
    if (!force) assertFree(written)
    const common = { notAfter: new Date(Date.now() + days * DAY_MS), keyType: rsa ? 'rsa' : 'ecdsa' } as const
    for (const { files, ...one } of wanted) await issueInto(files, opened, { ...common, ...one }, force)
    process.stdout.write(`${report(options, names, written, opened.files, opened.isNew)}\n`)
  } catch (error) {
    throw error instanceof LocalAuthorityError ? new CommandFailure(error.message) : error
  }
}

/** None where only a client's is asked for. Whoever means this machine means its addresses, too. */
function serverNames({ hostname, ip, client }: GenCertsOptions): string[] {
  const isAsked = hostname.length > 0 || ip.length > 0
  const hosts = isAsked || client !== undefined ? hostname : ['localhost']
  const addresses = hosts.includes('localhost') && ip.length === 0 ? ['127.0.0.1', '::1'] : ip
  return [...new Set([...hosts, ...addresses])]
}

function report(
  { client }: GenCertsOptions,
  names: readonly string[],
  written: readonly WrittenPair[],
  authority: WrittenPair,
  isNew: boolean,
): string {
  const lines = [
    isNew
      ? `${authority.certificate} and ${authority.key} are a new authority: keep the key to yourself`
      : `${authority.certificate} is the authority, as before`,
    ...written.map(({ certificate, key }) => `${certificate} and ${key} are written`),
  ]
  const [server] = names.length > 0 ? written : []
  if (server !== undefined) lines.push('', ...serverHelp(names, server, authority))
  if (client !== undefined) lines.push('', ...clientHelp(written.at(-1), authority))
  return lines.join('\n')
}

function serverHelp(names: readonly string[], { certificate, key }: WrittenPair, authority: WrittenPair): string[] {
  const [first = 'localhost'] = names
  const host = first.replace('*', 'www')
  return [
    `For ${names.join(', ')}. In the configuration:`,
    '',
    '  listeners:',
    '    web:',
    '      address: 0.0.0.0:8443',
    '      tls:',
    '        certificates:',
    `          - cert: ${configured(certificate)}`,
    `            key: ${configured(key)}`,
    '',
    'Clients have to trust the authority:',
    '',
    `  curl --cacert ${authority.certificate} https://${host.includes(':') ? `[${host}]` : host}:8443/`,
    `  NODE_EXTRA_CA_CERTS=${authority.certificate} node app.js`,
    `  Debian, Ubuntu: sudo cp ${authority.certificate} /usr/local/share/ca-certificates/sluice-local.crt && sudo update-ca-certificates`,
    `  macOS: sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain ${authority.certificate}`,
    `  Windows: certutil -addstore Root ${authority.certificate}`,
    '  Firefox: Settings, Certificates, View Certificates, Authorities, Import',
  ]
}

function clientHelp(pair: WrittenPair | undefined, authority: WrittenPair): string[] {
  if (pair === undefined) return []
  return [
    'To ask clients for their certificates, in the configuration below "tls":',
    '',
    '        client_auth:',
    '          mode: require',
    `          ca: ${configured(authority.certificate)}`,
    '',
    `  curl --cacert ${authority.certificate} --cert ${pair.certificate} --key ${pair.key} https://localhost:8443/`,
  ]
}

/** As a configuration in the current folder has it. */
function configured(path: string): string {
  const below = relative(process.cwd(), path)
  return below.startsWith('..') ? path : below
}
