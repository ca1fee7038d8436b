/**
 * What an access line costs a worker: the line built, written into its ring and announced, while the log thread drains
 * to /dev/null. CPU time of the thread that writes. Run: node perf/micro/access-line.bench.ts
 */
import type { ExchangeRecord } from '../../engine/exchange/record.ts'
import { accessLine } from '../../src/telemetry/access-line.ts'
import { openAccessLog, type WorkerLogData } from '../../src/telemetry/access-log.ts'
import { openLog } from '../../src/telemetry/log.ts'

const LINES = 500_000
const ROUNDS = 9

/** As the engine's record does: strings that come from a peer are made of bytes when they are read. */
class BytesRecord implements ExchangeRecord {
  readonly #bytes: Buffer
  readonly #targetLength: number
  startedAtMs = Date.now()
  status = 200
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

function measure(name: string, target: string, run: (record: ExchangeRecord) => void): void {
  const all = records(target)
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage()
    for (let index = 0; index < LINES; index++) run(all[index & 63]!)
    const { user, system } = process.threadCpuUsage(before)
    times.push(((user + system) * 1000) / LINES)
  }
  times.sort((a, b) => a - b)
  console.log(`${name.padEnd(44)} ${times[ROUNDS >> 1]!.toFixed(0)} ns per line (best ${times[0]!.toFixed(0)})`)
}

const access = { enabled: true, sample: 1 }
const log = await openLog({ level: 'info', format: 'json', access, workers: 1, destination: '/dev/null' })
const write = openAccessLog(log.workerData() as WorkerLogData, 0)!

let sink = 0
measure('strings of the record alone', '/v1/users/', record => {
  sink += record.method.length + record.host.length + record.target.length + record.requestId.length
})
measure('line built', '/v1/users/', record => {
  sink += accessLine(record).length
})
measure('line built and written', '/v1/users/', write)
measure('line built and written, target of 400 bytes', `/v1/${'segment/'.repeat(49)}`, write)
measure('line built and written, target to escape', '/v1/"users"/\x80/', write)
await log.close()
console.log(`dropped ${log.dropped()} of ${3 * ROUNDS * LINES} lines, ${sink > 0 ? 'all read' : ''}`)
