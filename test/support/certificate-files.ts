import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The folder in which files of the golden configurations lie, and the certificates that they name. */
export const goldenFolder = join(import.meta.dirname, '../src/config/golden')

/** Whoever checks the files out has a umask of his own: keys are for their owner, but for the one that shall not be. */
export function closeKeys(): void {
  const certificates = join(goldenFolder, 'certs')
  for (const name of readdirSync(certificates)) chmodSync(join(certificates, name), name === 'open.key' ? 0o644 : 0o600)
}
