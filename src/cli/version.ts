import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'

/** The version in package.json, which lies at another distance from the sources than from what is built of them. */
export function packageVersion(): string {
  const path = findPackageJSON(import.meta.url)
  if (path === undefined) return 'unknown'
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version?: string }
  return version ?? 'unknown'
}
