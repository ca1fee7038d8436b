import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { within } from '../support/bell.ts'
import { createAuthority } from '../support/certificates.ts'
import { type InstrumentedProxy, startInstrumentedProxy } from '../support/instrumented-proxy.ts'
import { type Listening, listenOn } from '../support/listen.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { certificateSnapshot, listenerTls } from '../support/tls.ts'

/** A browser before the proxy, an origin of HTTP/1.1 behind it. */

const DEADLINE_MS = 60_000
const FILES = 60
const MESSAGES = 200

/** What the page tells when it is through. */
interface Told {
  /** By which protocol the page itself came, and what it has loaded. */
  readonly page: string
  readonly files: readonly string[]
  readonly wrongFiles: number
  readonly uploaded: string
  /** The answer to an upload that the origin does not read. */
  readonly refused: string
  /** Of a WebSocket: messages that came back as they were sent. */
  readonly echoed: number
  readonly closed: string
}

const PAGE = `<!doctype html><title>page</title><script type="module">
const load = async index => {
  const text = await (await fetch('/file/' + index)).text()
  return text === 'file ' + index ? 0 : 1
}
const wrong = await Promise.all(Array.from({ length: ${FILES} }, (_, index) => load(index)))
const uploaded = await (await fetch('/upload', { method: 'POST', body: new Blob(['x'.repeat(1e6)]) })).text()
const refusal = await fetch('/refuse', { method: 'POST', body: new Blob(['x'.repeat(5e6)]) })
const refused = refusal.status + ' ' + await refusal.text()
const { echoed, closed } = await new Promise(resolve => {
  const socket = new WebSocket('wss://' + location.host + '/echo')
  let echoed = 0
  socket.onopen = () => { for (let i = 0; i < ${MESSAGES}; i++) socket.send('message ' + i) }
  socket.onmessage = ({ data }) => {
    if (data === 'message ' + echoed) echoed++
    if (echoed === ${MESSAGES}) socket.close(1000)
  }
  socket.onclose = ({ code, wasClean }) => resolve({ echoed, closed: code + ' ' + wasClean })
})
const protocolOf = entry => entry.nextHopProtocol
const told = {
  page: protocolOf(performance.getEntriesByType('navigation')[0]),
  files: [...new Set(performance.getEntriesByType('resource').map(protocolOf))],
  wrongFiles: wrong.reduce((sum, one) => sum + one, 0),
  uploaded, refused, echoed, closed,
}
await fetch('/told', { method: 'POST', body: JSON.stringify(told) })
</script>`

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}

let folder: TemporaryFolder
let origin: Listening
let proxy: InstrumentedProxy
let told: Promise<Told>
/** What the origin was asked for, in order. */
const asked: string[] = []

beforeAll(async () => {
  folder = await temporaryFolder()
  const authority = await createAuthority()
  const { promise, resolve } = Promise.withResolvers<Told>()
  told = promise
  const server = createServer((request, response) => {
    const { url = '' } = request
    asked.push(url)
    if (url === '/told') {
      void textOf(request).then(text => {
        resolve(JSON.parse(text) as Told)
        response.end()
      })
    } else if (url === '/upload') {
      void textOf(request).then(text => response.end(String(text.length)))
    } else if (url === '/refuse') {
      response.writeHead(413).end('too large')
    } else if (url.startsWith('/file/')) {
      response.end(`file ${url.slice('/file/'.length)}`)
    } else {
      response.setHeader('content-type', 'text/html').end(PAGE)
    }
  })
  const echo = new WebSocketServer({ server })
  echo.on('connection', socket => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  origin = await listenOn(server)
  proxy = await startInstrumentedProxy({
    workers: 2,
    listeners: [
      { tls: listenerTls({ certificates: [certificateSnapshot(await authority.issue())], alpn: ['h2', 'http/1.1'] }) },
    ],
    upstreams: { a: [origin.address] },
  })
})

afterAll(async () => {
  await proxy?.stop()
  await origin?.close()
  await folder?.[Symbol.asyncDispose]()
})

describe('Chromium', () => {
  it('loads a page, files, an upload and a WebSocket over one connection of HTTP/2', { timeout: 90_000 }, async () => {
    const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run']
    const args = [...quiet, '--ignore-certificate-errors', `--user-data-dir=${folder.file('profile')}`]
    const url = `https://localhost:${proxy.port}/`
    const browser = spawn('chromium', [...args, url], { stdio: 'ignore', detached: true })
    const exited = once(browser, 'exit')
    const result = await within(told, DEADLINE_MS, () => `what the page has to tell, which asked for ${asked}`).finally(
      () => {
        if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL')
      },
    )
    await exited
    expect(result).toEqual({
      page: 'h2',
      files: ['h2'],
      wrongFiles: 0,
      uploaded: '1000000',
      refused: '413 too large',
      echoed: MESSAGES,
      closed: '1000 true',
    })
    const records = await proxy.records(FILES + 5)
    expect(records.find(({ target }) => target === '/echo')).toMatchObject({ protocol: 'HTTP/2' })
    expect(proxy.events.filter(({ kind }) => kind === 'connection_fault')).toEqual([])
    await proxy.nothingLeft()
  })
})
