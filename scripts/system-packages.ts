import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './run.ts'

/** What tests need besides npm's packages: a command, and the Debian package that has it. */
const NEEDED = [
  { command: 'nginx', package: 'nginx' },
  { command: 'wrk', package: 'wrk' },
  { command: 'curl', package: 'curl' },
] as const

/**
 * True when everything is there; installs what is missing where that is possible (root on Debian or a relative of it),
 * and says what to install where it is not.
 */
export function ensureSystemPackages(): boolean {
  const missing = NEEDED.filter(({ command }) => !isOnPath(command))
  if (missing.length === 0) return true
  const packages = missing.map(needed => needed.package)
  console.log(`tests need ${packages.join(', ')} from the system's packages`)
  if (process.getuid?.() === 0 && isOnPath('apt-get')) install(packages)
  const absent = NEEDED.filter(({ command }) => !isOnPath(command))
  if (absent.length === 0) return true
  const names = absent.map(needed => needed.package).join(' ')
  console.error(`missing: ${absent.map(needed => needed.command).join(', ')}`)
  console.error(`install on Debian or Ubuntu: sudo apt-get install ${names}`)
  console.error('elsewhere: the packages of the same names')
  return false
}

function install(packages: readonly string[]): void {
  const environment = { DEBIAN_FRONTEND: 'noninteractive' }
  const args = ['install', '--yes', '--no-install-recommends', ...packages]
  // The lists of a fresh machine are empty or old: refreshed only if the first try shows it.
  if (run('apt-get', args, environment)) return
  if (run('apt-get', ['update'], environment)) run('apt-get', args, environment)
}

/** The system's folders are looked at too: `nginx` is in one that a user's path often lacks. */
function isOnPath(command: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  return folders.some(folder => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
