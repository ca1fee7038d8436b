import type { Http2Snapshot } from '../../engine/snapshot.ts'
import type { ConfigurationModel } from './schema.ts'

export function compileHttp2(http2: ConfigurationModel['upstreams'][string]['http2']): Http2Snapshot {
  return {
    streamsMax: http2.streams,
    // Lower bounds on how far windows grow lower their defaults.
    streamWindowBytes: Math.min(http2.stream_window, http2.window_max),
    connectionWindowBytes: Math.min(http2.connection_window, http2.window_max),
    windowBytesMax: http2.window_max,
    frameBytesMax: http2.frame_size,
    headerTableBytes: http2.header_table,
    queuedControlMax: http2.queued_control,
  }
}
