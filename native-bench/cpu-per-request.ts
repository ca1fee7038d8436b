/**
 * CPU time per proxied request, Sluice beside nginx in one run: one worker of each on core 0, the origin (nginx) and the
 * load (wrk) on core 1, alternating rounds, medians. The operating system's accounting of the proxy's process is what
 * is compared, not wall time: it holds on a noisy machine.
 *
 *     npm run bench:cpu -- --rounds 5 --seconds 5
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const CONNECTIONS = 64

/** What a browser sends: 15 field lines with `Host` and `Connection`. */
const BROWSER_FIELDS = [
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9,de;q=0.8',
  'Cache-Control: no-cache',
  'Connection: keep-alive',
  'Cookie: sid=0123456789abcdef0123456789abcdef; theme=dark; consent=yes; _ga=GA1.1.1234567890.1234567890',
  'DNT: 1',
  'Pragma: no-cache',
  'Referer: http://127.0.0.1/some/page?with=query',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
]

interface Proxy {
  readonly name: string
  readonly port: number
  readonly pid: number
}

interface Sample {
  readonly userUs: number
  readonly systemUs: number
  readonly requestsPerSecond: number
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '5' } },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
const children: ChildProcess[] = []

try {
  await main()
} finally {
  for (const child of children) child.kill('SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const origin = await freePort()
  start(['taskset', '-c', '1', 'nginx', '-c', write('origin.conf', nginxOrigin(origin))])
  await accepts(origin)
  const proxies = [await startSluice(origin), await startNginx(origin)]
  for (const [head, fields] of [
    ['bare', []],
    ['browser', BROWSER_FIELDS],
  ] as const) {
    // Compilers and pools get warm before anything counts.
    for (const proxy of proxies) measure(proxy, fields)
    const samples = proxies.map((): Sample[] => [])
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, proxy] of proxies.entries()) samples[index]?.push(measure(proxy, fields))
    }
    report(head, proxies, samples)
  }
}

function report(head: string, proxies: readonly Proxy[], samples: readonly (readonly Sample[])[]): void {
  const totals = samples.map(list => list.map(sample => sample.userUs + sample.systemUs))
  for (const [index, proxy] of proxies.entries()) {
    const list = samples[index] ?? []
    const user = median(list.map(sample => sample.userUs))
    const system = median(list.map(sample => sample.systemUs))
    const rate = median(list.map(sample => sample.requestsPerSecond))
    const all = (totals[index] ?? []).map(total => total.toFixed(1)).join(' ')
    console.log(
      `${head.padEnd(8)} ${proxy.name.padEnd(7)} ${user.toFixed(1)} + ${system.toFixed(1)} µs (user + system), ` +
        `median of all ${median(totals[index] ?? []).toFixed(1)}, ${Math.round(rate)} requests/s; rounds: ${all}`,
    )
  }
  const ratios = (totals[0] ?? []).map((total, round) => total / (totals[1]?.[round] ?? Number.NaN))
  const list = ratios.map(ratio => ratio.toFixed(2)).join(' ')
  console.log(`${head.padEnd(8)} ratio   ${median(ratios).toFixed(2)} (rounds: ${list})`)
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

function measure(proxy: Proxy, fields: readonly string[]): Sample {
  const before = cpuTicks(proxy.pid)
  const wrk = spawnSync(
    'taskset',
    ['-c', '1', 'wrk', `-c${CONNECTIONS}`, '-t1', `-d${seconds}`, ...fields.flatMap(line => ['-H', line]), url(proxy)],
    { encoding: 'utf8' },
  )
  const after = cpuTicks(proxy.pid)
  if (/Socket errors|Non-2xx/.test(wrk.stdout)) throw new Error(`${proxy.name}: ${wrk.stdout}`)
  const requests = Number(/(\d+) requests in/.exec(wrk.stdout)?.[1])
  // A tick of the accounting is 10 ms.
  return {
    userUs: ((after.user - before.user) * 10_000) / requests,
    systemUs: ((after.system - before.system) * 10_000) / requests,
    requestsPerSecond: requests / seconds,
  }
}

function url(proxy: Proxy): string {
  return `http://127.0.0.1:${proxy.port}/`
}

/** Clock ticks that a process has used: fields 14 and 15 of its `stat`, behind the name in parentheses. */
function cpuTicks(pid: number): { user: number; system: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { user: Number(fields[11]), system: Number(fields[12]) }
}

async function startSluice(origin: number): Promise<Proxy> {
  const port = await freePort()
  const path = write(
    'sluice.yaml',
    `runtime: { workers: 1 }
log: { access: { enabled: false } }
listeners: { web: { address: 127.0.0.1:${port} } }
upstreams: { origin: { endpoints: [{ address: 127.0.0.1:${origin} }], pool: { idle: 512 } } }
routes: [{ upstream: origin }]
`,
  )
  const main = join(import.meta.dirname, '../dist/src/cli/main.js')
  const pid = start(['taskset', '-c', '0', process.execPath, main, 'start', '-c', path])
  await accepts(port)
  return { name: 'sluice', port, pid }
}

/** The fields that Sluice adds, so that both do the same work. */
async function startNginx(origin: number): Promise<Proxy> {
  const port = await freePort()
  const server = `upstream origin { server 127.0.0.1:${origin}; keepalive 512; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header Via "1.1 nginx";
    }
  }`
  const pid = start(['taskset', '-c', '0', 'nginx', '-c', write('proxy.conf', nginx('proxy', server))])
  await accepts(port)
  return { name: 'nginx', port, pid }
}

function nginxOrigin(port: number): string {
  const content = '0123456789'.repeat(10)
  return nginx('origin', `server { listen 127.0.0.1:${port} backlog=4096; location / { return 200 "${content}"; } }`)
}

function nginx(name: string, servers: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `daemon off;
master_process off;
worker_processes 1;
pid ${join(folder, `${name}.pid`)};
error_log ${join(folder, `${name}.log`)};
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600;
  ${temporary.map(kind => `${kind}_temp_path ${join(folder, `${name}-${kind}`)};`).join('\n  ')}
  ${servers}
}
`
}

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** Starts a command that becomes the process itself (`taskset` does), so that its id is the one to account. */
function start([command = '', ...rest]: readonly string[]): number {
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  children.push(child)
  if (child.pid === undefined) throw new Error(`${command} does not start`)
  return child.pid
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

async function accepts(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (isOpen) return
    await pause(50)
  }
  throw new Error(`nothing accepts on port ${port}`)
}
