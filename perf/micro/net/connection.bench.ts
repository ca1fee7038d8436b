/** What a connection adds to a read and a write, the kernel's part left out. */

import { memory } from '../../../engine/http1/llhttp.ts'
import { Connection, type ConnectionOwner } from '../../../engine/net/connection.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { bytesWritten, deliver, mutedHandle, netContext } from './muted-handle.ts'

const nothing = (): void => {}

/** Writes back what it reads. */
class Echo implements ConnectionOwner {
  onReadEnd = nothing
  onDrain = nothing
  onDeadline = nothing
  onClose = nothing

  onRead(connection: Connection, start: number, end: number): void {
    connection.write(memory, start, end, null)
  }
}

const context = netContext()

function connected(): Connection {
  const connection = new Connection(context, mutedHandle())
  connection.owner = new Echo()
  connection.resume()
  return connection
}

const connections = Array.from({ length: 64 }, connected)
const next = cycle(connections)
const nextRead = cycle([90, 100, 128, 77].map(size => Buffer.alloc(size, 'x')))

bench('read and written, about 100 bytes', () => {
  deliver(next(), nextRead())
  return bytesWritten
})

bench('paused and resumed', () => {
  const connection = next()
  connection.pause()
  connection.resume()
  return connection.reading
})

const nextDelay = cycle([60_000, 30_000, 75_000])
bench('deadline set', () => {
  const connection = next()
  connection.setDeadline(nextDelay())
  return connection.timer.dueTick
})

bench('made and closed', () => {
  const connection = connected()
  connection.destroy()
  return connection
})

await runIfMain(import.meta)
