import type { Http2Snapshot } from '../../engine/snapshot.ts'

export const HTTP2: Http2Snapshot = {
  streamsMax: 100,
  streamWindowBytes: 64 * 1024,
  connectionWindowBytes: 1024 * 1024,
  windowBytesMax: 16 * 1024 * 1024,
  frameBytesMax: 16 * 1024,
  headerTableBytes: 4096,
  queuedControlMax: 1000,
}
