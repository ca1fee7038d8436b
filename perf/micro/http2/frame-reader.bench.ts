/** Frames as they lie in one read. */
import { type FrameEvents, FrameReader } from '../../../engine/http2/frame-reader.ts'
import {
  beginHeaders,
  endHeaders,
  writeDataHeader,
  writeSettings,
  writeWindowUpdate,
} from '../../../engine/http2/frame-writer.ts'
import { ByteBuffer } from '../../../engine/net/byte-buffer.ts'
import { bench, runIfMain } from '../harness.ts'

let told = 0
const events: FrameEvents = {
  onData(_streamId, start, end) {
    told += end - start
  },
  onHeaders(streamId) {
    told += streamId
  },
  onPriority() {},
  onRstStream() {},
  onSettings() {},
  onPing() {},
  onGoaway() {},
  onWindowUpdate(_streamId, increment) {
    told += increment
  },
  onPriorityUpdate() {},
  onUnknown() {},
  onStreamError() {},
}

const limits = { frameBytesMax: 16_384, blockBytesMax: 64 * 1024 }

function openReader(): FrameReader {
  const reader = new FrameReader(events, limits, false)
  const settings = new ByteBuffer(64)
  writeSettings(settings, [])
  reader.read(settings.bytes, 0, settings.length)
  return reader
}

const block = Buffer.alloc(60, 0x82)

/** Ten requests of a read: HEADERS each. */
const requests = new ByteBuffer(4096)
for (let stream = 1; stream < 20; stream += 2) {
  const at = beginHeaders(requests)
  requests.copy(block, 0, block.length)
  endHeaders(requests, at, stream, true, 16_384)
}

/** Ten responses of a read: HEADERS and DATA of 100 bytes each, and a window in between. */
const responses = new ByteBuffer(4096)
for (let stream = 1; stream < 20; stream += 2) {
  const at = beginHeaders(responses)
  responses.copy(block, 0, block.length)
  endHeaders(responses, at, stream, false, 16_384)
  writeDataHeader(responses, stream, 100, true)
  responses.text('x'.repeat(100))
}
writeWindowUpdate(responses, 0, 1000)

function read(name: string, bytes: ByteBuffer): void {
  const reader = openReader()
  bench(
    name,
    () => {
      if (reader.read(bytes.bytes, 0, bytes.length) !== 0) throw new Error('an error of the connection')
      return told
    },
    10,
  )
}

read('a request: HEADERS', requests)
read('a response: HEADERS and DATA', responses)

const out = new ByteBuffer(4096)
bench(
  'writing a response: HEADERS and DATA',
  () => {
    out.length = 0
    for (let stream = 1; stream < 20; stream += 2) {
      const at = beginHeaders(out)
      out.copy(block, 0, 20)
      endHeaders(out, at, stream, false, 16_384)
      writeDataHeader(out, stream, 100, true)
    }
    return out.length
  },
  10,
)

await runIfMain(import.meta)
