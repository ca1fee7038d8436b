import { execFile } from 'node:child_process'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { commandPath } from '../../scripts/system-packages.ts'
import { freePort } from './free-port.ts'
import { type PeerProcess, startPeerProcess } from './peer-process.ts'
import { type TemporaryFolder, temporaryFolder } from './temporary-folder.ts'

/** PostgreSQL refuses to run as root: then it is nobody, who has these numbers everywhere. */
const NOBODY = 65_534

/** What a client may print. */
const OUTPUT_BYTES_MAX = 16_000_000

export interface PostgresProcess extends AsyncDisposable {
  readonly port: number
  readonly process: PeerProcess
}

export interface PostgresOptions {
  /** Texts in PEM: it takes connections with TLS, beside those without. */
  readonly tls?: { readonly chain: string; readonly key: string }
}

/** What a client of a server at `port` has to know, as libpq has it in its environment. */
export function postgresEnvironment(port: number): NodeJS.ProcessEnv {
  const own = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'sluice', PGDATABASE: 'postgres' }
  return { ...process.env, PGSSLMODE: 'disable', PGCONNECT_TIMEOUT: '10', ...own }
}

/** One of its programs, run to its end; gives what it has printed. */
export async function runPostgres(
  command: 'psql' | 'pgbench',
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const { stdout } = await promisify(execFile)(commandPath(command) ?? command, args, {
    env: environment,
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  return stdout
}

/** A server of its own with an empty database, whose user `sluice` needs no password. Nothing of it is written to disk for good. */
export async function startPostgres({ tls }: PostgresOptions = {}): Promise<PostgresProcess> {
  const folder = await temporaryFolder()
  const port = await freePort()
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  await giveTo(folder.path, identity.uid)
  await createCluster(folder, identity)
  const secure = tls === undefined ? {} : await tlsSettings(folder, tls, identity.uid)
  const settings: Readonly<Record<string, string>> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    shared_buffers: '16MB',
    dynamic_shared_memory_type: 'mmap',
    max_connections: '64',
    ...secure,
  }
  const args = [
    '-D',
    folder.file('data'),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const peer = await startPeerProcess({
    command: 'postgres',
    args,
    port,
    // The fast end: who is still connected is cut.
    endSignal: 'SIGINT',
    ...(identity.uid === undefined ? {} : { user: identity.uid, group: identity.gid }),
  })
  return {
    port,
    process: peer,
    async [Symbol.asyncDispose]() {
      await peer[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

interface Identity {
  readonly uid?: number
  readonly gid?: number
}

async function createCluster(folder: TemporaryFolder, identity: Identity): Promise<void> {
  const kind = ['--no-sync', '--no-instructions', '--auth=trust', '--locale=C', '--encoding=UTF8', '--username=sluice']
  const args = ['-D', folder.file('data'), ...kind]
  await promisify(execFile)(commandPath('initdb') ?? 'initdb', args, { cwd: folder.path, ...identity })
}

/** It wants its key to be readable by itself alone. */
async function tlsSettings(
  folder: TemporaryFolder,
  { chain, key }: { readonly chain: string; readonly key: string },
  owner: number | undefined,
): Promise<Readonly<Record<string, string>>> {
  await mkdir(folder.file('tls'))
  const files = { ssl_cert_file: folder.file('tls/chain.pem'), ssl_key_file: folder.file('tls/key.pem') }
  await writeFile(files.ssl_cert_file, chain)
  await writeFile(files.ssl_key_file, key, { mode: 0o600 })
  for (const path of [folder.file('tls'), ...Object.values(files)]) await giveTo(path, owner)
  return { ssl: 'on', ...files }
}

async function giveTo(path: string, owner: number | undefined): Promise<void> {
  if (owner !== undefined) await chown(path, owner, owner)
}
