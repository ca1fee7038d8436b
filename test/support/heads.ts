/** Lines of a head, each with its CRLF, and the empty line. */
export function head(...lines: string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A GET without content. */
export function get(target = '/', ...fields: string[]): string {
  return head(`GET ${target} HTTP/1.1`, 'Host: a.example', ...fields)
}

/** A POST with `Content-Length`. */
export function post(target: string, content: string, ...fields: string[]): string {
  return head(`POST ${target} HTTP/1.1`, 'Host: a.example', `Content-Length: ${content.length}`, ...fields) + content
}

/** A 200 with `Content-Length`. */
export function ok(content: string, ...fields: string[]): string {
  return head('HTTP/1.1 200 OK', `Content-Length: ${content.length}`, ...fields) + content
}

export function chunk(content: string): string {
  return `${content.length.toString(16)}\r\n${content}\r\n`
}

/** The last chunk, with a trailer section. */
export function lastChunk(...trailers: string[]): string {
  return ['0', ...trailers, '', ''].join('\r\n')
}
