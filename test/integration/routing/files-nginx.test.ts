import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { FilesSnapshot } from '../../../engine/snapshot.ts'
import { freePort } from '../../support/free-port.ts'
import { head } from '../../support/heads.ts'
import { nginxProcess } from '../../support/nginx-process.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** The same folder behind nginx and behind Sluice: what one tells a client, the other tells him, too. */
const folder = await temporaryFolder()
const MODIFIED = new Date('2024-05-06T07:08:09Z')

async function put(path: string, content: string): Promise<void> {
  await writeFile(folder.file(`www/${path}`), content)
  await utimes(folder.file(`www/${path}`), MODIFIED, MODIFIED)
}

await mkdir(folder.file('www/sub'), { recursive: true })
await put('index.html', '<p>home</p>')
await put('a.txt', 'abcdefghij')
await put('empty.txt', '')
await put('app.js', 'let plain = 1')
await put('app.js.gz', 'gzip of app')
await put('sub/index.html', 'sub')
await put('unknown.kind', 'x')

const FILES: FilesSnapshot = {
  root: folder.file('www'),
  index: ['index.html'],
  precompressed: ['gzip'],
  stripPrefix: '',
  cacheControl: 'max-age=60',
  fallback: '',
}

const TYPES = 'text/html html; text/plain txt; application/javascript js; application/gzip gz;'
const nginxPort = await freePort()
const nginx = await nginxProcess(
  folder,
  `types { ${TYPES} }
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${nginxPort};
    root ${folder.file('www')};
    gzip_static on;
    gzip_vary on;
    absolute_redirect off;
    add_header Cache-Control max-age=60;
  }`,
  nginxPort,
)
const proxy = await startTestProxy({ routes: [{ to: { kind: 'files', files: FILES } }] })
afterAll(async () => {
  await proxy.stop()
  await nginx[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

const COMPARED = ['last-modified', 'content-encoding', 'location', 'content-range']

/** `TAG` in a field stands for the tag that this server gives to `a.txt`. */
async function ask(port: number, method: string, target: string, fields: readonly string[]) {
  using client = await rawClient(port)
  await client.send(head('GET /a.txt HTTP/1.1', 'Host: a.example'))
  const [tag = ''] = valuesOf((await client.readResponse()).fields, 'etag')
  await client.send(
    head(`${method} ${target} HTTP/1.1`, 'Host: a.example', ...fields.map(line => line.replace('TAG', tag))),
  )
  const { status, content, fields: answered } = await client.readResponse({ method })
  const isGood = status < 300
  return {
    status,
    content: isGood ? content.toString() : '',
    type: isGood ? (valuesOf(answered, 'content-type')[0] ?? '').replace(/;.*/, '') : '',
    ...Object.fromEntries(COMPARED.map(name => [name, valuesOf(answered, name)])),
    cacheControl: status === 200 || status === 304 ? valuesOf(answered, 'cache-control') : [],
  }
}

const TIME = 'Mon, 06 May 2024 07:08:09 GMT'
const BEFORE = 'Mon, 06 May 2024 07:08:08 GMT'
const AFTER = 'Mon, 06 May 2024 07:08:10 GMT'

describe('Sluice and nginx', () => {
  it.each<readonly [string, string, ...string[]]>([
    ['GET', '/'],
    ['GET', '/a.txt'],
    ['HEAD', '/a.txt'],
    ['GET', '/empty.txt'],
    ['GET', '/unknown.kind'],
    ['GET', '/sub'],
    ['GET', '/sub?x=1'],
    ['GET', '/sub/'],
    ['GET', '/nothing'],
    ['GET', '/a.txt/'],
    ['GET', '/a.txt?query'],
    ['GET', '/%61.txt'],
    ['GET', '/sub/../a.txt'],
    ['POST', '/a.txt', 'Content-Length: 0'],
    ['GET', '/app.js'],
    ['GET', '/app.js', 'Accept-Encoding: gzip'],
    ['GET', '/app.js', 'Accept-Encoding: gzip;q=0'],
    ['GET', '/app.js', 'Accept-Encoding: gzip;q=0.5, *;q=0'],
    ['GET', '/app.js.gz'],
    ['GET', '/a.txt', 'Range: bytes=0-0'],
    ['GET', '/a.txt', 'Range: bytes=2-4'],
    ['GET', '/a.txt', 'Range: bytes=7-'],
    ['GET', '/a.txt', 'Range: bytes=7-99'],
    ['GET', '/a.txt', 'Range: bytes=-3'],
    ['GET', '/a.txt', 'Range: bytes=-99'],
    ['GET', '/a.txt', 'Range: bytes=10-'],
    ['GET', '/a.txt', 'Range: bytes=5-2'],
    ['GET', '/a.txt', 'Range: bytes=x-'],
    ['GET', '/a.txt', 'Range: lines=1-2'],
    ['GET', '/a.txt', 'Range: bytes=2-4', 'If-Range: TAG'],
    ['GET', '/a.txt', 'Range: bytes=2-4', 'If-Range: "x"'],
    ['GET', '/a.txt', 'Range: bytes=2-4', `If-Range: ${TIME}`],
    ['GET', '/a.txt', 'Range: bytes=2-4', `If-Range: ${BEFORE}`],
    ['GET', '/a.txt', 'Range: bytes=2-4', `If-Range: ${AFTER}`],
    ['GET', '/a.txt', 'If-None-Match: TAG'],
    ['GET', '/a.txt', 'If-None-Match: W/TAG'],
    ['GET', '/a.txt', 'If-None-Match: "x", TAG'],
    ['GET', '/a.txt', 'If-None-Match: "x"'],
    ['GET', '/a.txt', 'If-None-Match: *'],
    ['HEAD', '/a.txt', 'If-None-Match: TAG'],
    ['GET', '/a.txt', 'If-None-Match: "x"', `If-Modified-Since: ${TIME}`],
    ['GET', '/a.txt', 'If-None-Match: TAG', 'Range: bytes=2-4'],
    ['GET', '/a.txt', `If-Modified-Since: ${TIME}`],
    ['GET', '/a.txt', `If-Modified-Since: ${BEFORE}`],
    ['GET', '/a.txt', 'If-Modified-Since: never'],
    ['GET', '/a.txt', 'If-Match: TAG'],
    ['GET', '/a.txt', 'If-Match: "x"'],
    ['GET', '/a.txt', 'If-Match: *'],
    ['GET', '/a.txt', `If-Unmodified-Since: ${TIME}`],
    ['GET', '/a.txt', `If-Unmodified-Since: ${AFTER}`],
    ['GET', '/a.txt', `If-Unmodified-Since: ${BEFORE}`],
    ['GET', '/a.txt', 'If-Match: "x"', 'Range: bytes=2-4'],
  ])('answer alike: %s %s %s %s', async (method, target, ...fields) => {
    expect(await ask(proxy.port, method, target, fields)).toEqual(await ask(nginxPort, method, target, fields))
  })

  it.each<{ why: string; own: number; theirs: number; method?: string; target: string; fields?: string[] }>([
    {
      why: 'several ranges come as one whole',
      own: 200,
      theirs: 206,
      target: '/a.txt',
      fields: ['Range: bytes=0-1,4-5'],
    },
    {
      why: 'HEAD has no ranges',
      own: 200,
      theirs: 206,
      method: 'HEAD',
      target: '/a.txt',
      fields: ['Range: bytes=0-1'],
    },
    {
      why: 'what is compressed has ranges, too',
      own: 206,
      theirs: 200,
      target: '/app.js',
      fields: ['Accept-Encoding: gzip', 'Range: bytes=0-3'],
    },
    { why: 'a folder without an index is nothing', own: 404, theirs: 403, target: '/bare/' },
    { why: 'hidden files are nothing', own: 404, theirs: 200, target: '/.hidden' },
  ])('differ where that is meant: $why', async ({ own, theirs, method = 'GET', target, fields = [] }) => {
    await mkdir(folder.file('www/bare'), { recursive: true })
    await put('.hidden', 'x')
    expect((await ask(proxy.port, method, target, fields)).status).toBe(own)
    expect((await ask(nginxPort, method, target, fields)).status).toBe(theirs)
  })
})
