/**
 * Installs what the bench runs beside Sluice, as far as this user may, and says what is there in the end.
 *
 *     npm run bench:install
 *
 * The programs of the system (nginx with its module for TCP and UDP, HAProxy, Caddy; wrk and h2load for the load, nghttpd as an
 * origin) come from Debian's packages where the user is root; elsewhere the command to type is printed. The packages of npm go to
 * `native-bench/node_modules`, nowhere else.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, run } from '../scripts/run.ts'
import {
  commandPath,
  ensureSystemPackages,
  missingPackages,
  NGINX_STREAM_MODULE,
  type SystemPackage,
} from '../scripts/system-packages.ts'
import { peers } from './peers/index.ts'

/** Debian starts the first three as services of their own when they are installed. */
const SERVICES = ['nginx', 'haproxy', 'caddy']
const NEEDED: readonly SystemPackage[] = [
  ...[...SERVICES, 'wrk', 'openssl'].map(name => ({ command: name, package: name })),
  { command: 'h2load', package: 'nghttp2-client' },
  { command: 'nghttpd', package: 'nghttp2-server' },
  { file: NGINX_STREAM_MODULE, package: 'libnginx-mod-stream' },
]

const isInstalled = [installPrograms(), installPackages()].every(Boolean)
report()
process.exitCode = isInstalled ? 0 : 1

function installPrograms(): boolean {
  const missing = missingPackages(NEEDED)
  const isWhole = ensureSystemPackages(NEEDED, 'benches')
  const absent = new Set(missingPackages(NEEDED))
  const installed = missing.filter(entry => !absent.has(entry)).map(entry => entry.package)
  for (const name of SERVICES.filter(service => installed.includes(service))) stopService(name)
  return isWhole
}

/** What this run has brought here would hold a port and use CPU time while others are measured. */
function stopService(name: string): void {
  const isStopped = existsSync('/run/systemd/system')
    ? run('systemctl', ['disable', '--now', name])
    : !existsSync(`/etc/init.d/${name}`) || run(`/etc/init.d/${name}`, ['stop'])
  if (!isStopped) console.error(`${name} may run as a service now: stop it before you measure`)
}

/** As the lock file has them. Install scripts are not run: none is needed. */
function installPackages(): boolean {
  const folder = join(ROOT, 'native-bench')
  return run('npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'])
}

function report(): void {
  console.log('\npeers')
  for (const peer of peers) {
    const presence = peer.probe()
    const said = 'version' in presence ? presence.version : `absent: ${presence.absent}`
    console.log(`  ${peer.name.padEnd(20)} ${said}`)
  }
  console.log(`  ${'wrk (load)'.padEnd(20)} ${commandPath('wrk') ?? 'absent: sudo apt-get install wrk'}`)
}
