/** Stream handles without a kernel: they take everything, and bring what a bench says. */
import { memory, slots } from '../../../engine/http1/llhttp.ts'
import type { Connection, NetContext } from '../../../engine/net/connection.ts'
import type { StreamHandle } from '../../../engine/net/handles.ts'
import { TimerWheel } from '../../../engine/net/timer-wheel.ts'

/** A fault in a callback ends the bench. */
export function netContext(): NetContext {
  const onFault = (error: unknown): void => {
    throw error
  }
  return { slots, wheel: new TimerWheel(), onFault }
}

/** Bytes that were written to muted handles so far. */
export let bytesWritten = 0

function takeAll(_request: unknown, bytes: Uint8Array): number {
  bytesWritten += bytes.length
  return 0
}

const succeed = (): number => 0
const ignore = (): void => {}

/** A handle of TCP, as far as a connection needs it. */
export function mutedHandle(): StreamHandle {
  return {
    onread: () => undefined,
    connection: null,
    fd: -1,
    writeQueueSize: 0,
    bytesWritten: 0,
    useUserBuffer: ignore,
    readStart: succeed,
    readStop: succeed,
    writeBuffer: takeAll,
    shutdown: succeed,
    close: ignore,
    ref: ignore,
    unref: ignore,
    setNoDelay: succeed,
    getpeername(out) {
      Object.assign(out, { address: '203.0.113.9', port: 51_234, family: 'IPv4' })
      return 0
    },
    getsockname(out) {
      Object.assign(out, { address: '192.0.2.1', port: 8080, family: 'IPv4' })
      return 0
    },
  }
}

/** What it writes goes nowhere from here on: it lies in the handle when somebody looks right after, and is gone then. */
export function mute(handle: StreamHandle): void {
  let queuedBytes = 0
  handle.writeBuffer = (request, bytes) => {
    queuedBytes = bytes.length
    return takeAll(request, bytes)
  }
  Object.defineProperty(handle, 'writeQueueSize', {
    get() {
      const bytes = queuedBytes
      queuedBytes = 0
      return bytes
    },
  })
}

/** Lets a connection read `bytes`, as the kernel would: into the slot it reads into. */
export function deliver(connection: Connection, bytes: Uint8Array): void {
  memory.set(bytes, connection.slot.start)
  connection.received(bytes.length)
}
