/** What a pipe adds to the reads and writes of its two connections, the kernel's part left out. */
import { memory } from '../../../engine/http1/llhttp.ts'
import { Connection } from '../../../engine/net/connection.ts'
import { Pipe } from '../../../engine/net/pipe.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { bytesWritten, deliver, mutedHandle, netContext } from './muted-handle.ts'

const context = netContext()
const counters = new Float64Array(64)
const owner = { onFirstBytes: () => {}, onSettled: () => {}, onPipeEnd: () => {} }

interface Ends {
  readonly client: Connection
  readonly endpoint: Connection
  readonly pipe: Pipe
}

function piped(): Ends {
  const client = new Connection(context, mutedHandle())
  const endpoint = new Connection(context, mutedHandle())
  const timeouts = { idleMs: 3_600_000, halfCloseMs: 300_000 }
  const pipe = new Pipe({ client, endpoint, memory, timeouts, counters, owner })
  pipe.begin(null)
  return { client, endpoint, pipe }
}

const next = cycle(Array.from({ length: 64 }, piped))
const nextRequest = cycle([43, 90, 128, 77].map(size => Buffer.alloc(size, 'x')))
const nextResponse = cycle([244, 300, 170].map(size => Buffer.alloc(size, 'y')))
bench('a request and its response, about 100 and 250 bytes', () => {
  const { client, endpoint } = next()
  deliver(client, nextRequest())
  deliver(endpoint, nextResponse())
  return bytesWritten
})

const nextBulk = cycle([65_536, 60_000, 49_152].map(size => Buffer.alloc(size, 'z')))
bench('bulk content, 64 KiB, with the copy that stands for the kernel', () => {
  const { endpoint } = next()
  deliver(endpoint, nextBulk())
  return bytesWritten
})

bench('made and ended', () => {
  const { pipe } = piped()
  pipe.abort()
  return pipe
})

await runIfMain(import.meta)
