/**
 * What a WebSocket handshake has over HTTP/1.1 only (RFC 6455, section 4), and has to be made up where one side of it runs
 * over HTTP/2 (RFC 8441).
 */

/** A `Sec-WebSocket-Key`: 16 bytes in base 64. It proves nothing and protects nothing: dice are good enough. */
export function makeWebSocketKey(): string {
  const bytes = Buffer.allocUnsafe(16)
  for (let at = 0; at < 16; at += 4) bytes.writeUInt32BE(Math.floor(Math.random() * 0x100000000), at)
  return bytes.toString('base64')
}

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** The `Sec-WebSocket-Accept` that answers a key. node:crypto is loaded by the first call. */
export function acceptWebSocketKey(key: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto')
  return createHash('sha1')
    .update(key + MAGIC)
    .digest('base64')
}
