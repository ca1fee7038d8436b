/** The certificate that proxies show to the load, which does not look at it: ECDSA with P-256, as is usual. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandPath } from '../../scripts/system-packages.ts'
import { BenchFailure } from './failure.ts'

/** Files in PEM. */
export interface Certificate {
  readonly certificate: string
  readonly key: string
  /** One behind the other. */
  readonly both: string
}

const DAYS = 7

/** Makes one for 127.0.0.1 and localhost in that folder. */
export function makeCertificate(folder: string): Certificate {
  const openssl = commandPath('openssl')
  if (openssl === null) throw new BenchFailure('TLS needs openssl: sudo apt-get install openssl')
  const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), both: join(folder, 'both.pem') }
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(DAYS)]
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const { status, stderr } = spawnSync(
    openssl,
    ['req', ...kind, ...names, '-keyout', files.key, '-out', files.certificate],
    { encoding: 'utf8' },
  )
  if (status !== 0) throw new BenchFailure(`openssl made no certificate: ${stderr.trim().split('\n').at(-1)}`)
  writeFileSync(files.both, readFileSync(files.certificate, 'utf8') + readFileSync(files.key, 'utf8'))
  return files
}
