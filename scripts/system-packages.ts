import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.ts'

/** A command, and the Debian package that has it. */
export interface SystemPackage {
  readonly command: string
  readonly package: string
}

/** What tests need besides npm's packages. */
export const TEST_PACKAGES: readonly SystemPackage[] = [
  { command: 'nginx', package: 'nginx' },
  { command: 'wrk', package: 'wrk' },
  { command: 'curl', package: 'curl' },
  { command: 'dnsmasq', package: 'dnsmasq-base' },
  { command: 'openssl', package: 'openssl' },
  { command: 'pebble', package: 'pebble' },
  { command: 'nghttp', package: 'nghttp2-client' },
  { command: 'nghttpd', package: 'nghttp2-server' },
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
  console.error(`missing: ${absent.map(entry => entry.command).join(', ')}`)
  console.error(`install on Debian or Ubuntu: sudo apt-get install ${names}`)
  console.error('elsewhere: the packages of the same names')
  return false
}

export function missingPackages(needed: readonly SystemPackage[]): SystemPackage[] {
  return needed.filter(({ command }) => commandPath(command) === null)
}

function install(packages: readonly string[]): void {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  const args = ['install', '--yes', '--no-install-recommends', ...packages]
  // The lists of a fresh machine are empty or old: refreshed only if the first try shows it.
  if (run('apt-get', args, environment)) return
  if (run('apt-get', ['update'], environment)) run('apt-get', args, environment)
}

/**
 * Where a command is, or null. The system's folders are looked at too: `nginx` and `haproxy` are in one that a user's
 * path often lacks.
 */
export function commandPath(command: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  for (const folder of folders) {
    const path = join(folder, command)
    if (isExecutable(path)) return path
  }
  return null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
