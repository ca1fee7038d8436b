import * as z from 'zod'
import { off, size, wholeNumber } from './scalars.ts'

const KIB = 1024
const WINDOW_MAX = 2 ** 30

/** HTTP/2 as a listener or an upstream speaks it. */
export const http2 = z.strictObject({
  streams: wholeNumber(
    'Streams under way at once on one connection. Past it: refused, and tried again.',
    1,
    10_000,
  ).default(100),
  stream_window: size('Content that may be sent ahead on a stream, at first.', KIB, WINDOW_MAX).prefault('64KiB'),
  connection_window: size('Content that may be sent ahead on a connection, at first.', 64 * KIB, WINDOW_MAX).prefault(
    '1MiB',
  ),
  window_max: size('How far the windows grow with a fast peer that is far away.', 64 * KIB, WINDOW_MAX).prefault(
    '16MiB',
  ),
  frame_size: size('The largest frame that is taken.', 16 * KIB, 1024 * KIB).prefault('16KiB'),
  header_table: size('The table that remembers field lines, of either side.', 0, 64 * KIB).prefault('4KiB'),
  queued_control: wholeNumber(
    'Frames of control that wait to be sent. Past it: the connection is ended (ENHANCE_YOUR_CALM).',
    10,
    100_000,
  ).default(1000),
})

/** `false` for HTTP/1.1 alone. */
export const listenerHttp2 = z.union([http2, z.literal(true).transform(() => http2.parse({})), off])
