import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAuthority } from '../../support/certificates.ts'
import type { Listening } from '../../support/listen.ts'
import {
  type PostgresProcess,
  postgresEnvironment,
  runPostgres,
  startPostgres,
} from '../../support/postgres-process.ts'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let postgres: PostgresProcess
let proxy: TestProxy
let wrong: Listening

beforeAll(async () => {
  const authority = await createAuthority()
  const { chain, key } = await authority.issue({ names: ['127.0.0.1'] })
  folder = await temporaryFolder()
  await writeFile(folder.file('ca.pem'), authority.certificate)
  postgres = await startPostgres({ tls: { chain, key } })
  wrong = await refusingPort()
  proxy = await startTestProxy({
    tcpListeners: [{}, { firstBytes: { http: 1, tls: 1, proxy: 1 } }],
    upstreams: { postgres: [{ kind: 'tcp', host: '127.0.0.1', port: postgres.port }], wrong: [wrong.address] },
  })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
  await wrong[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const psql = (sql: string, changes: NodeJS.ProcessEnv = {}) =>
  runPostgres('psql', ['-XAtqc', sql], { ...postgresEnvironment(proxy.port), ...changes })

const pgbench = (...args: string[]) => runPostgres('pgbench', args, postgresEnvironment(proxy.port))

const ENCRYPTED = 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()'

describe('PostgreSQL behind a listener of TCP', () => {
  it('answers psql', async () => {
    expect(await psql('select 6 * 7')).toBe('42\n')
  })

  it('sends a result of 8 MB', async () => {
    expect((await psql("select repeat('0123456789', 800000)")) === `${'0123456789'.repeat(800_000)}\n`).toBe(true)
  })

  it('runs the transactions of pgbench, none of which fails', async () => {
    await pgbench('-iq', '-s', '1')
    const report = await pgbench('-n', '-c', '8', '-j', '1', '-t', '40')
    expect(report).toContain('number of transactions actually processed: 320/320')
    expect(report).toContain('number of failed transactions: 0 ')
    expect(await psql('select count(*) from pgbench_history')).toBe('320\n')
  })

  it('and those that open a connection each', async () => {
    const report = await pgbench('-n', '-S', '-C', '-c', '4', '-t', '25')
    expect(report).toContain('number of transactions actually processed: 100/100')
  })

  it('has its own TLS passed through, which its client asks for in words of PostgreSQL', async () => {
    expect(await psql(ENCRYPTED, { PGSSLMODE: 'require' })).toBe('t|TLSv1.3\n')
  })

  it('shows its own certificate to a client that verifies it', async () => {
    const verifying = { PGSSLMODE: 'verify-full', PGSSLROOTCERT: folder.file('ca.pem') }
    expect(await psql(ENCRYPTED, verifying)).toBe('t|TLSv1.3\n')
  })

  it('is reached where first bytes decide, since its are neither of HTTP nor of TLS', async () => {
    const there = { PGPORT: String(proxy.portOf(1)) }
    expect(await psql(ENCRYPTED, { ...there, PGSSLMODE: 'require' })).toBe('t|TLSv1.3\n')
    expect(await psql(ENCRYPTED, there)).toBe('f|\n')
  })

  it('leaves no flow behind', async () => {
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
    expect(proxy.stats().flows.total).toBeGreaterThan(100)
    expect(proxy.stats().inFlight.map(({ requests }) => requests)).toEqual([0, 0])
  })
})
