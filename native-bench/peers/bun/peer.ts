import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer, Presence, ProxyCommand, ProxySetup } from '../../frame/peer.ts'
import { probeExecutable } from '../native-command.ts'
import { serverArgument } from '../node-peer.ts'
import { MODULES, probePackage } from '../npm-package.ts'

export const bun: Peer = {
  name: 'bun',
  kind: 'bun',
  capabilities: new Set(['http1', 'websocket', 'workers']),
  probe,
  command,
}

function probe(): Presence {
  const presence = probePackage('bun')
  if ('absent' in presence) return presence
  const path = executable()
  if (path === null) return { absent: `package bun has no program for ${process.platform} ${process.arch}` }
  return probeExecutable(path, ['--version'], /(\d+\.\d+\.\d+\S*)/)
}

/**
 * The program is in the package of this platform (`@oven/bun-linux-x64` and the like), of which npm installs the one that
 * fits. Bun's install script, which we do not ask npm to run, moves it into `bun` itself; some versions of npm run it all
 * the same.
 */
function executable(): string | null {
  const folder = join(MODULES, '@oven')
  const packages = existsSync(folder) ? readdirSync(folder) : []
  const paths = [...packages.map(name => join(folder, name, 'bin/bun')), join(MODULES, 'bun/bin/bun.exe')]
  return paths.find(path => existsSync(path)) ?? null
}

function command(setup: ProxySetup): ProxyCommand {
  return {
    executable: executable() ?? 'bun',
    args: [join(import.meta.dirname, 'server.mjs'), serverArgument(setup)],
    environment: {
      NODE_ENV: 'production',
      // Requests of `fetch` under way at once (default 256; the rest would wait).
      BUN_CONFIG_MAX_HTTP_REQUESTS: String(setup.connections),
    },
  }
}
