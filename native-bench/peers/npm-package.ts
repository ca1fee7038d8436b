import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Presence } from '../frame/peer.ts'

/** Where `npm ci` in `native-bench` puts packages. Never the packages of Sluice itself. */
export const MODULES: string = join(import.meta.dirname, '../node_modules')

/** The version of a package that is installed for the bench, or what to do. Never throws. */
export function probePackage(name: string): Presence {
  const path = join(MODULES, name, 'package.json')
  if (!existsSync(path)) return { absent: `no package ${name}: npm run bench:install (npm ci in native-bench)` }
  try {
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown }
    if (typeof version === 'string') return { version }
  } catch {
    // Half written, then.
  }
  return { absent: `package ${name} is broken: npm run bench:install (npm ci in native-bench)` }
}
