/** What an access line costs a worker: built, written into its ring and announced, while the log thread drains it. */
import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import type { FlowRecord } from '../../engine/l4/flow-record.ts'
import { accessLine } from '../../src/telemetry/access-line.ts'
import { openAccessLog, type WorkerLogData } from '../../src/telemetry/access-log.ts'
import { flowLine } from '../../src/telemetry/flow-line.ts'
import { openLog } from '../../src/telemetry/log.ts'
import { bench, cycle, runIfMain } from './harness.ts'

/** As the engine's record does: strings that come from a peer are made of bytes when they are read. */
class BytesRecord implements ExchangeRecord {
  readonly #bytes: Buffer
  readonly #targetLength: number
  startedAtMs = Date.now()
  status = 200
  readonly grpcStatus = -1
  bytesIn = 0
  bytesOut = 0
  connectUs = 0
  firstByteUs = 0
  totalUs = 0
  readonly endpoint = '10.0.0.1:3000'
  readonly upstream = 'api'
  readonly route = 'users'
  readonly listener = 'web'
  readonly retries = 0
  readonly protocol = 'HTTP/1.1'
  readonly client = '192.0.2.7'
  readonly proxy = ''
  readonly tlsVersion = ''
  readonly tlsCipher = ''
  readonly serverName = ''
  readonly flag = ''
  readonly error = ''
  readonly errorDetail = ''

  constructor(target: string) {
    this.#bytes = Buffer.from(`GETapi.example.com0f8fad5b-d9cb-469f-a165-70867728950e${target}`, 'latin1')
    this.#targetLength = target.length
  }

  get method(): string {
    return this.#bytes.toString('latin1', 0, 3)
  }
  get host(): string {
    return this.#bytes.toString('latin1', 3, 18)
  }
  get requestId(): string {
    return this.#bytes.toString('latin1', 18, 54)
  }
  get target(): string {
    return this.#bytes.toString('latin1', 54, 54 + this.#targetLength)
  }
}

function records(target: string): BytesRecord[] {
  return Array.from({ length: 64 }, (_, index) => {
    const record = new BytesRecord(`${target}${index}`)
    record.bytesIn = 100 + index
    record.bytesOut = 1000 + index * 17
    record.firstByteUs = 300 + index * 3
    record.totalUs = 400 + index * 5
    return record
  })
}

const SHORT = '/v1/users/'
const LONG = `/v1/${'segment/'.repeat(49)}`
const TO_ESCAPE = '/v1/"users"/\x80/'

function line(name: string, target: string, run: (record: ExchangeRecord) => unknown): void {
  const next = cycle(records(target))
  bench(name, () => run(next()))
}

const access = { enabled: true, sample: 1 }
const log = await openLog({ level: 'info', format: 'json', access, workers: 1, destination: '/dev/null' })
const write = openAccessLog(log.workerData() as WorkerLogData, 0)
if (write === null) throw new Error('there is no access log')

/** A line that is dropped costs less: the share of them says what the numbers are worth. */
let written = 0
const writeCounted = (record: ExchangeRecord): void => {
  written += 1
  write.onExchange(record)
}
process.once('exit', () => {
  const share = log.dropped() / Math.max(written, 1)
  if (share > 0.01) process.stderr.write(`access-line: ${(share * 100).toFixed(0)} % of the lines were dropped\n`)
})

line('strings of the record alone', SHORT, record => record.method + record.host + record.target + record.requestId)
line('line built', SHORT, record => accessLine(record).length)
line('line built and written', SHORT, writeCounted)
line('line built and written, target of 400 bytes', LONG, writeCounted)
line('line built and written, target to escape', TO_ESCAPE, writeCounted)

function flow(index: number): FlowRecord {
  return {
    startedAtMs: Date.now(),
    protocol: index % 2 === 0 ? 'tcp' : 'udp',
    listener: 'postgres',
    client: `192.0.2.7:${40_000 + index}`,
    proxy: '',
    upstream: 'pg',
    endpoint: '10.0.0.1:5432',
    bytesIn: 100 + index,
    bytesOut: 1000 + index * 17,
    datagramsIn: index,
    datagramsOut: index,
    connectUs: 120 + index,
    firstByteUs: 300 + index * 3,
    totalUs: 400_000 + index * 5,
    retries: 0,
    serverName: '',
    tlsVersion: '',
    tlsCipher: '',
    flag: '',
    error: '',
    errorDetail: '',
  }
}

const nextFlow = cycle(Array.from({ length: 64 }, (_, index) => flow(index)))
bench('line of a flow built', () => flowLine(nextFlow()).length)

await runIfMain(import.meta)
