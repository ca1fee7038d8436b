import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.ts'

/** A Debian package, and what tells that it is there: a command, or a file of it where there is nothing to call. */
export type SystemPackage =
  | { readonly package: string; readonly command: string }
  | { readonly package: string; readonly file: string }

/** nginx's `stream` is a module that is loaded; a build that has it within has no such file. */
export const NGINX_STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** Debian has PostgreSQL's programs by their version, where no path leads. */
const POSTGRES_FOLDER = '/usr/lib/postgresql'

/**
 * What tests need besides npm's packages. Some of Debian's are services that start when they are installed, one makes itself a
 * database: they are let be, since tests have servers of their own, in folders and on ports of their own.
 */
export const TEST_PACKAGES: readonly SystemPackage[] = [
  { command: 'nginx', package: 'nginx' },
  { command: 'wrk', package: 'wrk' },
  { command: 'curl', package: 'curl' },
  { command: 'dnsmasq', package: 'dnsmasq-base' },
  { command: 'openssl', package: 'openssl' },
  { command: 'pebble', package: 'pebble' },
  { command: 'nghttp', package: 'nghttp2-client' },
  { command: 'nghttpd', package: 'nghttp2-server' },
  { command: 'haproxy', package: 'haproxy' },
  { file: NGINX_STREAM_MODULE, package: 'libnginx-mod-stream' },
  { command: 'dig', package: 'dnsutils' },
  { command: 'redis-server', package: 'redis-server' },
  { command: 'redis-benchmark', package: 'redis-tools' },
  { command: 'postgres', package: 'postgresql' },
]

/** What `npm run test:slow` needs besides those. */
export const SLOW_TEST_PACKAGES: readonly SystemPackage[] = [
  { command: 'chromium', package: 'chromium' },
  { command: 'sslscan', package: 'sslscan' },
  { command: 'testssl', package: 'testssl.sh' },
]

/**
 * True when everything is there; installs what is missing where that is possible (root on Debian or a relative of it),
 * and says what to install where it is not. `purpose` is who needs it, in the plural: "tests".
 */
export function ensureSystemPackages(needed: readonly SystemPackage[] = TEST_PACKAGES, purpose = 'tests'): boolean {
  const missing = missingPackages(needed)
  if (missing.length === 0) return true
  const packages = missing.map(entry => entry.package)
  console.log(`${purpose} need ${packages.join(', ')} from the system's packages`)
  if (process.getuid?.() === 0 && commandPath('apt-get') !== null) install(packages)
  const absent = missingPackages(needed)
  if (absent.length === 0) return true
  const names = absent.map(entry => entry.package).join(' ')
  console.error(`missing: ${absent.map(entry => ('command' in entry ? entry.command : entry.file)).join(', ')}`)
  console.error(`install on Debian or Ubuntu: sudo apt-get install ${names}`)
  console.error('elsewhere: the packages of the same names')
  return false
}

export function missingPackages(needed: readonly SystemPackage[]): SystemPackage[] {
  return needed.filter(entry => ('command' in entry ? commandPath(entry.command) === null : !existsSync(entry.file)))
}

function install(packages: readonly string[]): void {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  const args = ['install', '--yes', '--no-install-recommends', ...packages]
  // The lists of a fresh machine are empty or old: refreshed only if the first try shows it.
  if (run('apt-get', args, environment)) return
  if (run('apt-get', ['update'], environment)) run('apt-get', args, environment)
}

/**
 * Where a command is, or null. Folders beside the path are looked at too: `nginx` and `haproxy` are in one that a user's
 * path often lacks, PostgreSQL's programs in one that nobody's has.
 */
export function commandPath(command: string): string | null {
  const system = ['/usr/local/sbin', '/usr/sbin', '/sbin', ...postgresFolders()]
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...system]
  for (const folder of folders) {
    const path = join(folder, command)
    if (isExecutable(path)) return path
  }
  return null
}

/** The newest first. */
function postgresFolders(): string[] {
  if (!existsSync(POSTGRES_FOLDER)) return []
  const versions = readdirSync(POSTGRES_FOLDER).sort((a, b) => Number(b) - Number(a))
  return versions.map(version => join(POSTGRES_FOLDER, version, 'bin'))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
