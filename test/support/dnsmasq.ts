import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { within } from './bell.ts'
import type { ServiceRecord } from './dns-server.ts'
import { freePort } from './free-port.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Debian's, and what is on the path elsewhere; `/usr/sbin` is in few users' paths. */
const PATH = `${process.env.PATH}:/usr/sbin:/usr/local/sbin`

/** The addresses of each name, of both families. */
export type Hosts = Readonly<Record<string, readonly string[]>>

export interface DnsmasqOptions {
  readonly hosts: Hosts
  readonly services?: Readonly<Record<string, readonly ServiceRecord[]>>
  /** The text of each name that has one. */
  readonly texts?: Readonly<Record<string, string>>
  /** In seconds, of every record; 1 if it is left out. */
  readonly ttlS?: number
}

export interface Dnsmasq extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as a resolver's `addresses` has it. */
  readonly address: string
  /** Resolves when it has read them; they are in place of those it had. */
  setHosts(hosts: Hosts): Promise<void>
}

function hostsFile(hosts: Hosts): string {
  const lines = Object.entries(hosts).flatMap(([name, addresses]) => addresses.map(address => `${address} ${name}\n`))
  return lines.join('')
}

/**
 * dnsmasq on a free port of 127.0.0.1: a real DNS server, which knows the given names, denies all others of `.test`, and
 * refuses what is not of `.test`.
 */
export async function startDnsmasq({ hosts, services = {}, texts = {}, ttlS = 1 }: DnsmasqOptions): Promise<Dnsmasq> {
  const folder = await temporaryFolder()
  const port = await freePort()
  await writeFile(folder.file('hosts'), hostsFile(hosts))
  const serviceLines = Object.entries(services).flatMap(([name, records]) =>
    records.map(({ target, port: own, priority = 0, weight = 0 }) => {
      return `--srv-host=${name},${target},${own},${priority},${weight}`
    }),
  )
  const textLines = Object.entries(texts).map(([name, text]) => `--txt-record=${name},${text}`)
  const args = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    `--addn-hosts=${folder.file('hosts')}`,
    `--pid-file=${folder.file('pid')}`,
    `--port=${port}`,
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    '--local=/test/',
    `--local-ttl=${ttlS}`,
    '--log-facility=-',
    // Root's would become somebody who cannot read the folder.
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    ...serviceLines,
    ...textLines,
  ]
  const child = spawn('dnsmasq', args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, PATH } })
  let log = ''
  let onLine = () => {}
  child.stderr.on('data', chunk => {
    log += chunk
    onLine()
  })
  const exited = once(child, 'exit')
  const gone = exited.then(([code]) => Promise.reject(new Error(`dnsmasq ended with ${code}: ${log}`)))
  gone.catch(() => {})
  const timesRead = () => log.split(`read ${folder.file('hosts')}`).length - 1
  const read = async (times: number) => {
    const done = new Promise<void>(resolve => {
      onLine = () => {
        if (timesRead() >= times) resolve()
      }
      onLine()
    })
    await within(Promise.race([done, gone]), 10_000, () => `dnsmasq on port ${port}: ${log}`)
  }
  await read(1)
  return {
    address: `127.0.0.1:${port}`,
    async setHosts(changed) {
      const times = timesRead() + 1
      await writeFile(folder.file('hosts'), hostsFile(changed))
      child.kill('SIGHUP')
      await read(times)
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
      await folder[Symbol.asyncDispose]()
    },
  }
}
