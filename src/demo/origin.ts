import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { page } from './page.ts'
import { echoWebSocket } from './web-socket-echo.ts'

/** One origin of the demonstration: a small server that shows what came through the proxy. */

export interface OriginIdentity {
  readonly name: string
  /** A CSS colour; the page wears it. */
  readonly color: string
}

export interface Origin {
  readonly name: string
  readonly port: number
  /** Ends every connection. */
  close(): Promise<void>
}

/** Content of a request that is shown; what is past it is only counted. */
const SHOWN_BYTES_MAX = 64 * 1024
const SLOW_MS_MAX = 30_000
const LARGE_MIB_MAX = 1024
const EVENT_INTERVAL_MS = 1000

/** Rejects with the error of `listen`, named after what was to listen. */
export async function startOrigin(identity: OriginIdentity, host: string, port: number): Promise<Origin> {
  const tunnels = new Set<Duplex>()
  let served = 0
  const server = createServer((request, response) => {
    served++
    response.setHeader('x-origin', identity.name)
    response.on('error', () => response.destroy())
    answer(identity, served, request, response)
  })
  server.on('upgrade', (request, socket, head) => {
    tunnels.add(socket)
    socket.once('close', () => tunnels.delete(socket))
    echoWebSocket(request, socket, head, `x-origin: ${identity.name}\r\n`)
  })
  await listen(server, identity.name, host, port)
  return {
    name: identity.name,
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      for (const socket of tunnels) socket.destroy()
      await closed
    },
  }
}

async function listen(server: Server, name: string, host: string, port: number): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'EADDRINUSE' ? 'the port is in use' : String((error as Error).message)
    const message = `the demonstration's origin "${name}" cannot listen on ${host}:${port}: ${reason}`
    throw Object.assign(new Error(message, { cause: error }), { code })
  }
}

function answer(identity: OriginIdentity, served: number, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(`http://origin${originForm(request.url)}`)
  const status = /^\/status\/([2-5]\d\d)$/.exec(pathname)?.[1]
  if (pathname === '/') {
    sendText(response, 200, 'text/html; charset=utf-8', page(identity))
  } else if (pathname === '/whoami') {
    sendJson(response, { origin: identity.name, color: identity.color, requests: served })
  } else if (pathname === '/events') {
    sendEvents(identity, response)
  } else if (pathname === '/slow') {
    answerSlowly(identity, numberFrom(searchParams.get('ms'), 2000, 0, SLOW_MS_MAX), response)
  } else if (pathname === '/large') {
    sendLarge(numberFrom(searchParams.get('mib'), 16, 0, LARGE_MIB_MAX), request, response)
  } else if (pathname === '/echo' || pathname.startsWith('/headers')) {
    void echo(identity, request, response)
  } else if (status !== undefined) {
    sendText(response, Number(status), 'text/plain', `${status} as you asked\n`)
  } else {
    sendText(response, 404, 'text/plain', `${identity.name} has nothing at ${pathname}\n`)
  }
}

/** Anything that is not a path (`*`, a target that no URL can hold) is answered like a path that is not there. */
function originForm(target: string | undefined): string {
  return target?.startsWith('/') && URL.canParse(`http://origin${target}`) ? target : '/-'
}

function numberFrom(text: string | null, absent: number, minimum: number, maximum: number): number {
  const value = text === null ? absent : Number(text)
  return Number.isFinite(value) ? Math.min(maximum, Math.max(minimum, value)) : absent
}

function sendText(response: ServerResponse, status: number, type: string, text: string): void {
  const hasContent = status !== 204 && status !== 304
  if (hasContent) response.setHeader('content-type', type)
  response.writeHead(status, { 'cache-control': 'no-store' }).end(hasContent ? text : undefined)
}

function sendJson(response: ServerResponse, value: unknown): void {
  sendText(response, 200, 'application/json', `${JSON.stringify(value, null, 2)}\n`)
}

/** Server-sent events: the time, once a second. */
function sendEvents(identity: OriginIdentity, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const send = (): void => {
    response.write(`data: ${JSON.stringify({ time: new Date().toISOString(), origin: identity.name })}\n\n`)
  }
  send()
  const timer = setInterval(send, EVENT_INTERVAL_MS)
  response.once('close', () => clearInterval(timer))
}

function answerSlowly(identity: OriginIdentity, delayMs: number, response: ServerResponse): void {
  const timer = setTimeout(() => {
    sendText(response, 200, 'text/plain', `${identity.name} took ${delayMs} ms\n`)
  }, delayMs)
  response.once('close', () => clearTimeout(timer))
}

/** Content of that many MiB, as fast as it is taken and no faster. */
function sendLarge(mebibytes: number, request: IncomingMessage, response: ServerResponse): void {
  const bytes = Math.floor(mebibytes * 1024 * 1024)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  const block = Buffer.alloc(64 * 1024, 'sluice ')
  let left = bytes
  const send = (): void => {
    while (left > 0) {
      const chunk = left < block.length ? block.subarray(0, left) : block
      left -= chunk.length
      if (!response.write(chunk)) {
        response.once('drain', send)
        return
      }
    }
    response.end()
  }
  send()
}

/** The request as this origin saw it. */
async function echo(identity: OriginIdentity, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const shown: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (bytes < SHOWN_BYTES_MAX) shown.push(chunk.subarray(0, SHOWN_BYTES_MAX - bytes))
      bytes += chunk.length
    }
  } catch {
    // The client left within its content: there is nobody to answer.
    response.destroy()
    return
  }
  const fieldLines: [string, string][] = []
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    fieldLines.push([request.rawHeaders[index]!, request.rawHeaders[index + 1]!])
  }
  sendJson(response, {
    origin: identity.name,
    method: request.method,
    target: request.url,
    protocol: `HTTP/${request.httpVersion}`,
    headers: fieldLines.map(([name, value]) => `${name}: ${value}`),
    content: { bytes, text: Buffer.concat(shown).toString('utf8') },
  })
}
