import type { BenchSettings } from './options.ts'

/** One request as it goes out: made once, and written as it is by every connection. */
export function requestBytes(settings: BenchSettings): Uint8Array {
  const { url, method, headers, body, keepAlive } = settings
  const lines = [`${method} ${url.pathname}${url.search} HTTP/1.1`]
  const has = (name: string) => headers.some(([own]) => own.toLowerCase() === name)
  if (!has('host')) lines.push(`Host: ${url.host}`)
  if (url.username + url.password !== '' && !has('authorization'))
    lines.push(`Authorization: Basic ${credentials(url)}`)
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`))
  if (!keepAlive && !has('connection')) lines.push('Connection: close')
  // RFC 9110 section 8.6: methods that bring content say so even where there is none.
  if (body.length > 0 || ['POST', 'PUT', 'PATCH'].includes(method)) lines.push(`Content-Length: ${body.length}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body])
}

function credentials({ username, password }: URL): string {
  return Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')
}
