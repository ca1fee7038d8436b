import { execFile } from 'node:child_process'
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { FilesSnapshot, RouteSnapshot } from '../../../engine/snapshot.ts'
import { get, head, post } from '../../support/heads.ts'
import { listenOn } from '../../support/listen.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import type { TestRoute } from '../../support/snapshot.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { turns } from '../../support/turns.ts'
import { openScene, type Scene } from '../upstream/scene.ts'

const folder = await temporaryFolder()
const MODIFIED = new Date('2024-05-06T07:08:09Z')

async function put(path: string, content: string): Promise<void> {
  await mkdir(folder.file(`www/${path}`.replace(/[^/]*$/, '')), { recursive: true })
  await writeFile(folder.file(`www/${path}`), content)
  await utimes(folder.file(`www/${path}`), MODIFIED, MODIFIED)
}

const SETTINGS: FilesSnapshot = {
  root: folder.file('www'),
  index: ['index.html', 'index.txt'],
  precompressed: [],
  stripPrefix: '',
  cacheControl: '',
  fallback: '',
}

function serves(prefix: string, files: Partial<FilesSnapshot>, more: Partial<TestRoute> = {}): TestRoute {
  return {
    name: prefix,
    match: { path: { kind: 'prefix', path: `/${prefix}/` } },
    to: { kind: 'files', files: { ...SETTINGS, stripPrefix: `/${prefix}`, ...files } },
    ...more,
  }
}

const CHANGES: Partial<TestRoute> = {
  response: {
    rename: [['last-modified', 'X-Modified']],
    remove: ['etag', 'content-type'],
    set: [
      ['X-Id', [{ kind: 'request_id' }]],
      ['X-Status', [{ kind: 'status' }, ' ', { kind: 'method' }]],
      ['Content-Type', 'text/x-own'],
    ],
  },
}

const ERROR_PAGES: RouteSnapshot['errorPages'] = [
  {
    statuses: [[400, 599]],
    intercepts: false,
    status: 0,
    fields: [],
    content: ['no ', { kind: 'path' }, ' ', { kind: 'status' }],
  },
]

const dead = await refusingPort()
const socket = await listenOn(createServer(), folder.file('socket'))
let scene: Scene
beforeAll(async () => {
  await put('index.html', '<p>home</p>')
  await put('a.txt', 'letters')
  await put('empty.txt', '')
  await put('sub/index.txt', 'second choice')
  await put('sub/index.html/x', 'a folder in the place of an index')
  await put('bare/x.txt', 'x')
  await put('with space & ä%.txt', 'odd')
  await put('app.js', 'let plain = 1')
  await put('app.js.gz', 'gzip of app')
  await put('app.js.br', 'br of app')
  await put('only.js', 'let only = 1')
  await put('only.js.gz', 'gzip of only')
  await put('alone.css.gz', 'gzip without a file')
  await put('.env', 'secret')
  await put('.well-known/token', 'known')
  await put('real/data.txt', 'linked')
  await symlink('real', folder.file('www/inside'))
  await symlink('../real/data.txt', folder.file('www/bare/link.txt'))
  await symlink(folder.path, folder.file('www/outside'))
  await symlink('loop', folder.file('www/loop'))
  await symlink('gone', folder.file('www/dangling'))
  await promisify(execFile)('mkfifo', [folder.file('www/pipe')])
  await symlink(folder.file('socket'), folder.file('www/outer-socket'))
  await symlink('www', folder.file('current'))
  scene = await openScene('', () => ({
    upstreams: { dead: { endpoints: [{ address: dead.address }], passive: null } },
    routes: [
      serves('plain', {}),
      serves('linked', { root: folder.file('current') }),
      serves('nowhere', { root: folder.file('nowhere') }),
      serves('packed', { precompressed: ['br', 'gzip'], cacheControl: 'public, max-age=60' }),
      serves('app', { fallback: 'index.html', cacheControl: 'no-cache' }),
      serves('lost', { fallback: 'not-there.html' }),
      serves('bare', { index: [] }),
      serves('edited', {}, CHANGES),
      serves('paged', {}, { errorPages: ERROR_PAGES }),
      serves('moved', { stripPrefix: '' }, { path: [{ kind: 'replace', path: '/sub' }] }),
      serves('late', {}, { timeouts: { totalMs: 5_000 } }),
      { name: 'falls', match: { path: { kind: 'prefix', path: '/falls/' } }, to: 'dead', fallback: 12 },
      serves('rescue', { stripPrefix: '/falls' }),
      { name: 'rest', to: { kind: 'files', files: SETTINGS } },
    ],
  }))
})
afterEach(() => scene.rest())
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await dead.close()
  await socket.close()
  await folder[Symbol.asyncDispose]()
})

const text = async (target: string, ...fields: string[]) => {
  const { status, content } = await scene.get(target, ...fields)
  return `${status} ${content}`
}

async function field(target: string, name: string, ...fields: string[]): Promise<string> {
  return valuesOf((await scene.get(target, ...fields)).fields, name).join(' | ')
}

async function ask(request: string, method: string) {
  const client = await scene.client()
  await client.send(request)
  return await client.readResponse({ method })
}

describe('a route with files', () => {
  it('serves a file with its type, its length and its version', async () => {
    const { status, fields, content } = await scene.get('/a.txt')
    expect([status, content.toString()]).toEqual([200, 'letters'])
    expect(fields.filter(([name]) => name !== 'Date').map(([name, value]) => `${name}: ${value}`)).toEqual([
      `ETag: "7-${MODIFIED.getTime().toString(16)}"`,
      'Last-Modified: Mon, 06 May 2024 07:08:09 GMT',
      'Accept-Ranges: bytes',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Length: 7',
    ])
    expect(valuesOf(fields, 'date').length).toBe(1)
  })

  it.each([
    ['/empty.txt', '200 '],
    ['/with%20space%20&%20%C3%A4%25.txt', '200 odd'],
    ['/%61%2E%74xt?query=/../x', '200 letters'],
    ['/.well-known/token', '200 known'],
    ['/inside/data.txt', '200 linked'],
    ['/plain/bare/link.txt', '200 linked'],
    ['/outside/www/a.txt', '200 letters'],
    ['/linked/a.txt', '200 letters'],
    ['/plain/a.txt', '200 letters'],
    ['/late/a.txt', '200 letters'],
    ['/moved/anything', '301 '],
  ])('finds what a path means: %s', async (target, answer) => {
    expect(await text(target)).toBe(answer)
  })

  it.each([
    ['/', '200 <p>home</p>'],
    ['/sub/', '200 second choice'],
    ['/plain/', '200 <p>home</p>'],
    ['/bare/', '404 404 Not Found\n'],
    ['/plain/bare/', '404 404 Not Found\n'],
    ['/a.txt/', '404 404 Not Found\n'],
  ])('has the first index that there is for a folder: %s', async (target, answer) => {
    expect(await text(target)).toBe(answer)
  })

  it.each([
    ['/sub', '/sub/'],
    ['/sub?a=1&b', '/sub/?a=1&b'],
    ['/plain/sub', '/plain/sub/'],
    ['/plain', '/plain/'],
    ['/inside', '/inside/'],
    ['/plain/../sub', '/sub/'],
    ['/s%75b?"', '/sub/?%22'],
  ])('sends a client on to the address of the folder: %s', async (target, location) => {
    const { status, fields, content } = await scene.get(target)
    expect([status, valuesOf(fields, 'location'), content.length]).toEqual([301, [location], 0])
  })

  it.each([
    '/nothing',
    '/nothing/at/all.txt',
    '/a.txt/x',
    '/.env',
    '/sub/.env',
    '/%2Eenv',
    '/a.txt%2F',
    '/dangling',
    '/loop',
    '/outside',
    '/outside/socket',
    '/outer-socket',
    '/pipe',
    '/nowhere/a.txt',
    `/${'n'.repeat(300)}`,
    '/%FF',
    '/A.TXT',
  ])('has nothing where there is no file: %s', async target => {
    expect(await text(target)).toBe('404 404 Not Found\n')
    expect((await scene.records(1))[0]).toMatchObject({
      status: 404,
      error: 'file_not_found',
      flag: 'FS',
      upstream: '',
    })
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('has no other methods than GET and HEAD: %s', async method => {
    const { status, fields } = await ask(
      head(`${method} /a.txt HTTP/1.1`, 'Host: a.example', 'Content-Length: 0'),
      method,
    )
    expect([status, valuesOf(fields, 'allow')]).toEqual([405, ['GET, HEAD']])
    expect((await scene.records(1))[0]).toMatchObject({ error: 'file_method' })
  })

  it('answers HEAD as GET, without content', async () => {
    const whole = await scene.get('/a.txt')
    const { status, fields, content } = await ask(head('HEAD /a.txt HTTP/1.1', 'Host: a.example'), 'HEAD')
    const named = (all: typeof fields) => all.filter(([name]) => name !== 'Date')
    expect([status, content.length, named(fields)]).toEqual([200, 0, named(whole.fields)])
    expect((await ask(head('HEAD /sub HTTP/1.1', 'Host: a.example'), 'HEAD')).status).toBe(301)
    expect((await ask(head('HEAD /none HTTP/1.1', 'Host: a.example'), 'HEAD')).status).toBe(404)
  })

  it('keeps the account of it', async () => {
    const { content } = await scene.get('/a.txt')
    const [record] = await scene.records(1)
    expect(record).toMatchObject({ route: 'rest', status: 200, error: '', upstream: '', endpoint: '', retries: 0 })
    expect(record!.bytesOut).toBeGreaterThan(content.length + 100)
    expect(record!.firstByteUs).toBeGreaterThan(0)
  })
})

describe('conditions and ranges', () => {
  it('save what the client has', async () => {
    const tag = await field('/a.txt', 'etag')
    const { status, fields, content } = await scene.get('/packed/a.txt', `If-None-Match: ${tag}`)
    expect([status, content.length]).toEqual([304, 0])
    expect(fields.map(([name]) => name)).toEqual(['ETag', 'Last-Modified', 'Cache-Control', 'Vary', 'Date'])
    expect((await scene.get('/a.txt', 'If-Modified-Since: Mon, 06 May 2024 07:08:09 GMT')).status).toBe(304)
  })

  it('are errors where they do not hold', async () => {
    expect(await text('/a.txt', 'If-Match: "x"')).toBe('412 412 Precondition Failed\n')
    const { status, fields } = await scene.get('/a.txt', 'Range: bytes=7-')
    expect([status, valuesOf(fields, 'content-range')]).toEqual([416, ['bytes */7']])
    const errors = (await scene.records(2)).map(({ error }) => error)
    expect(errors).toEqual(['file_precondition', 'file_range'])
  })

  it('take a part out of a file', async () => {
    const { status, fields, content } = await scene.get('/a.txt', 'Range: bytes=2-4')
    expect([status, content.toString(), valuesOf(fields, 'content-range')]).toEqual([206, 'tte', ['bytes 2-4/7']])
    const tag = await field('/a.txt', 'etag')
    expect((await scene.get('/a.txt', 'Range: bytes=2-4', `If-Range: ${tag}`)).status).toBe(206)
    expect((await scene.get('/a.txt', 'Range: bytes=2-4', 'If-Range: "x"')).status).toBe(200)
  })
})

describe('compressed files beside the others', () => {
  it.each([
    ['/packed/app.js', '', 'let plain = 1', ''],
    ['/packed/app.js', 'gzip', 'gzip of app', 'gzip'],
    ['/packed/app.js', 'gzip, br', 'br of app', 'br'],
    ['/packed/app.js', 'gzip, br;q=0.1', 'gzip of app', 'gzip'],
    ['/packed/app.js', 'zstd, identity', 'let plain = 1', ''],
    ['/packed/only.js', 'gzip, br', 'gzip of only', 'gzip'],
    ['/packed/a.txt', 'gzip, br', 'letters', ''],
    ['/plain/app.js', 'gzip, br', 'let plain = 1', ''],
  ])('serve clients that like them: %s for %j', async (target, accepted, content, coding) => {
    const response = await scene.get(target, ...(accepted === '' ? [] : [`Accept-Encoding: ${accepted}`]))
    expect(`${response.status} ${response.content}`).toBe(`200 ${content}`)
    expect(valuesOf(response.fields, 'content-encoding').join()).toBe(coding)
    const type = target.endsWith('.js') ? 'application/javascript' : 'text/plain'
    expect(valuesOf(response.fields, 'content-type')).toEqual([`${type}; charset=utf-8`])
    expect(valuesOf(response.fields, 'vary')).toEqual(target.startsWith('/packed') ? ['Accept-Encoding'] : [])
  })

  it('are no files by themselves of what is not there, and can be had by their own names', async () => {
    expect((await scene.get('/packed/alone.css', 'Accept-Encoding: gzip')).status).toBe(404)
    const { fields } = await scene.get('/packed/app.js.gz')
    expect(valuesOf(fields, 'content-type')).toEqual(['application/gzip'])
    expect(valuesOf(fields, 'content-encoding')).toEqual([])
  })

  it('have tags of their own, and ranges of what goes over the wire', async () => {
    const tags = await Promise.all(
      ['identity', 'gzip', 'br'].map(coding => field('/packed/app.js', 'etag', `Accept-Encoding: ${coding}`)),
    )
    expect(new Set(tags).size).toBe(3)
    const [plain = '', gzip = ''] = tags
    expect(await text('/packed/app.js', 'Accept-Encoding: gzip', `If-None-Match: ${gzip}`)).toBe('304 ')
    expect((await scene.get('/packed/app.js', 'Accept-Encoding: gzip', `If-None-Match: ${plain}`)).status).toBe(200)
    const part = ['Accept-Encoding: gzip', 'Range: bytes=0-3']
    expect(await text('/packed/app.js', ...part, `If-Range: ${gzip}`)).toBe('206 gzip')
    expect(await text('/packed/app.js', ...part, `If-Range: ${plain}`)).toBe('200 gzip of app')
  })
})

describe('an application with routes of its own', () => {
  it.each(['/app/', '/app/users/7', '/app/users/', '/app/a%2Fb', '/app/bare/'])('gets its page: %s', async target => {
    expect(await text(target)).toBe('200 <p>home</p>')
    expect(await field(target, 'cache-control')).toBe('no-cache')
    expect(await field(target, 'content-type')).toBe('text/html; charset=utf-8')
  })

  it.each([
    ['/app/a.txt', '200 letters'],
    ['/app/sub', '301 '],
    ['/app/.env', '404 404 Not Found\n'],
    ['/lost/x', '404 404 Not Found\n'],
  ])('does not get it in place of what there is, nor of what is hidden: %s', async (target, answer) => {
    expect(await text(target)).toBe(answer)
  })
})

describe('what a route says of all its responses', () => {
  it('holds for files: fields are changed, with what is known of request and response', async () => {
    const { fields } = await scene.get('/edited/a.txt')
    expect(valuesOf(fields, 'x-modified')).toEqual(['Mon, 06 May 2024 07:08:09 GMT'])
    expect(valuesOf(fields, 'etag')).toEqual([])
    expect(valuesOf(fields, 'content-type')).toEqual(['text/x-own'])
    expect(valuesOf(fields, 'x-status')).toEqual(['200 GET'])
    expect(valuesOf(fields, 'x-id')[0]).toMatch(/^\S{8,}$/)
    expect(await field('/edited/a.txt', 'x-status', 'Range: bytes=0-0')).toBe('206 GET')
  })

  it('holds for errors: they have the pages of the route', async () => {
    expect(await text('/paged/nothing.txt')).toBe('404 no /paged/nothing.txt 404')
    expect(await text('/paged/a.txt', 'If-Match: "x"')).toBe('412 no /paged/a.txt 412')
    const { fields, status } = await scene.get('/paged/a.txt', 'Range: bytes=99-')
    expect([status, valuesOf(fields, 'content-range')]).toEqual([416, ['bytes */7']])
  })

  it('may be to serve files in place of an upstream that cannot answer', async () => {
    expect(await text('/falls/a.txt')).toBe('200 letters')
  })
})

describe('connections that get files', () => {
  it('go on behind each of them', async () => {
    const client = await scene.client()
    for (const [target, status] of [
      ['/a.txt', 200],
      ['/empty.txt', 200],
      ['/nothing', 404],
      ['/sub', 301],
      ['/a.txt', 200],
    ] as const) {
      await client.send(get(target))
      expect((await client.readResponse()).status).toBe(status)
    }
    await client.send(head('HEAD /a.txt HTTP/1.1', 'Host: a.example'))
    expect((await client.readResponse({ method: 'HEAD' })).status).toBe(200)
    await client.send(get('/a.txt', 'If-None-Match: *'))
    expect((await client.readResponse()).status).toBe(304)
    await client.send(get('/a.txt', 'Connection: close'))
    expect(valuesOf((await client.readResponse()).fields, 'connection')).toEqual(['close'])
    expect(await client.closed).toBe('fin')
  })

  it('get them in order when they ask ahead', async () => {
    const client = await scene.client()
    await client.send(get('/a.txt') + get('/nothing') + get('/sub/') + get('/with%20space%20&%20%C3%A4%25.txt'))
    const contents: string[] = []
    for (let count = 0; count < 4; count += 1) contents.push((await client.readResponse()).content.toString())
    expect(contents).toEqual(['letters', '404 Not Found\n', 'second choice', 'odd'])
  })

  it('may speak HTTP/1.0', async () => {
    const client = await scene.client()
    await client.send(head('GET /a.txt HTTP/1.0', 'Host: a.example', 'Connection: keep-alive'))
    const first = await client.readResponse({ clientVersion: '1.0' })
    expect([first.content.toString(), valuesOf(first.fields, 'connection')]).toEqual(['letters', ['keep-alive']])
    await client.send(head('GET /a.txt HTTP/1.0', 'Host: a.example'))
    expect((await client.readResponse({ clientVersion: '1.0' })).content.toString()).toBe('letters')
    expect(await client.closed).toBe('fin')
  })

  it('send content that nobody wants, and go on behind it', async () => {
    const client = await scene.client()
    const request = post('/a.txt', 'x'.repeat(40_000)).replace('POST', 'GET')
    await client.send(request.slice(0, 20_000))
    await turns()
    await client.send(request.slice(20_000) + get('/sub/'))
    expect((await client.readResponse()).content.toString()).toBe('letters')
    expect((await client.readResponse()).content.toString()).toBe('second choice')
  })

  it('are closed behind the response where that content is too much, or is not sent before', async () => {
    const endless = await scene.client()
    await endless.send(
      head('GET /a.txt HTTP/1.1', 'Host: a.example', 'Content-Length: 100000000') + 'x'.repeat(200_000),
    )
    const response = await endless.readResponse()
    expect([response.content.toString(), valuesOf(response.fields, 'connection')]).toEqual(['letters', ['close']])
    const shy = await scene.client()
    await shy.send(head('GET /a.txt HTTP/1.1', 'Host: a.example', 'Content-Length: 5', 'Expect: 100-continue'))
    expect(valuesOf((await shy.readResponse()).fields, 'connection')).toEqual(['close'])
  })

  it('that refuse the method do not have to send what they have', async () => {
    const client = await scene.client()
    await client.send(head('PUT /a.txt HTTP/1.1', 'Host: a.example', 'Content-Length: 5', 'Expect: 100-continue'))
    expect((await client.readResponse()).status).toBe(405)
  })
})
