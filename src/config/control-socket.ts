import { accepted, type Parsed, quote, refused } from './parsed.ts'

/** Bytes that `sockaddr_un.sun_path` holds on Linux, without its final NUL. */
const PATH_BYTES_MAX = 107

/** `auto`, `off`, or the path of a unix socket, with `unix:` before it or not. */
export function parseControlSocket(text: string): Parsed<string> {
  if (text === 'auto' || text === 'off') return accepted(text)
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text
  if (/^(on|true|yes)$/i.test(text)) return refused(`${quote(text)} names no socket`, 'write auto', 'wrong-address')
  if (/^[^/]*:\d*$/.test(path)) {
    const hint = 'it is a unix socket, so that only its owner can reach it: auto, off, or a path'
    return refused(`${quote(text)} is an address of the network`, hint, 'wrong-address')
  }
  if (path === '' || path.endsWith('/') || /[\u0000-\u001f]/.test(path)) {
    return refused(`${quote(text)} is neither auto, off, nor the path of a unix socket`, '', 'wrong-address')
  }
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return accepted(path)
  return refused(`the path of a unix socket must be at most ${PATH_BYTES_MAX} bytes`, '', 'wrong-address')
}
