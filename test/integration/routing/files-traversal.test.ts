import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import type { FilesSnapshot, PathPolicy } from '../../../engine/snapshot.ts'
import { get, head } from '../../support/heads.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** Stands in every file that nobody may get. */
const SECRET = 'nobody-may-read-this'

const folder = await temporaryFolder()
await mkdir(folder.file('www/sub/deep'), { recursive: true })
await mkdir(folder.file('www/.git'))
await mkdir(folder.file('www/.well-known'))
await mkdir(folder.file('www-private'))
await mkdir(folder.file('private'))
for (const name of [
  'secret.txt',
  'index.html',
  'private/index.html',
  'private/secret.txt',
  'www-private/secret.txt',
  'www/.env',
  'www/.git/config',
  'www/sub/.htpasswd',
  'www/.well-known/.secret',
]) {
  await writeFile(folder.file(name), SECRET)
}
await writeFile(folder.file('www/a.txt'), 'public')
await writeFile(folder.file('www/sub/index.html'), 'public')
await symlink(folder.file('private'), folder.file('www/linked'))
await symlink('../../secret.txt', folder.file('www/sub/linked.txt'))
await symlink('../secret.txt', folder.file('www/a.txt.gz'))
await symlink('/', folder.file('www/everything'))
await symlink('../www-private', folder.file('www/neighbour'))

const FILES: FilesSnapshot = {
  root: folder.file('www'),
  index: ['index.html'],
  precompressed: ['gzip'],
  stripPrefix: '/static',
  cacheControl: '',
  fallback: '',
}

const POLICIES: Readonly<Record<string, PathPolicy>> = {
  default: { dotSegments: 'normalise', emptySegments: 'normalise', encodedSlashes: 'keep', parameters: 'keep' },
  normalising: {
    dotSegments: 'normalise',
    emptySegments: 'normalise',
    encodedSlashes: 'normalise',
    parameters: 'normalise',
  },
  keeping: { dotSegments: 'normalise', emptySegments: 'keep', encodedSlashes: 'keep', parameters: 'keep' },
}

const proxy = await startTestProxy({
  listeners: Object.entries(POLICIES).map(([name, paths]) => ({ name, paths })),
  routes: [
    { to: { kind: 'files', files: FILES } },
    {
      match: { hosts: ['moved.example'] },
      path: [{ kind: 'replace', path: '/sub' }],
      to: { kind: 'files', files: FILES },
    },
  ],
})
afterAll(async () => {
  await proxy.stop()
  await folder[Symbol.asyncDispose]()
})

/** Ways to say "one up", each of which some program has taken for it. */
const UPS = [
  '..',
  '%2e%2e',
  '%2E.',
  '.%2e',
  '%252e%252e',
  '%25%32%65%25%32%65',
  '..;',
  '..;a=b',
  '.%00.',
  '..%00',
  '%c0%ae%c0%ae',
  '%e0%80%ae%e0%80%ae',
  '%f0%80%80%ae.',
  '%uff0e%uff0e',
  '．．',
  '%ef%bc%8e%ef%bc%8e',
  '....',
  '...',
  '. .',
  '..%20',
  '..%09',
  '..%0a',
  '..\\',
  '..%5c',
  '%5c..',
]

/** Ways to say "below". */
const SLASHES = [
  '/',
  '%2f',
  '%2F',
  '//',
  '\\',
  '%5c',
  '%252f',
  '%c0%af',
  '%e0%80%af',
  '/./',
  '/;/',
  '%00/',
  '%ef%bc%8f',
  '∕',
]

const CORPUS: readonly string[] = [
  ...UPS.flatMap(up => [`/${up}/secret.txt`, `/sub/${up}/${up}/secret.txt`, `/static/${up}/${up}/secret.txt`]),
  ...SLASHES.flatMap(slash => [`/..${slash}secret.txt`, `/sub${slash}..${slash}..${slash}secret.txt`]),
  ...SLASHES.map(slash => `/..${slash}www-private${slash}secret.txt`),
  `${folder.file('secret.txt')}`,
  `/${folder.file('secret.txt')}`,
  `/%2f${folder.file('secret.txt').slice(1)}`,
  `/sub/${folder.file('secret.txt')}`,
  '/../www-private/secret.txt',
  '/-private/secret.txt',
  '/../private/',
  '/..',
  '/../',
  '/%2e%2e',
  '/%2e%2e%2f',
  '/sub/../..',
  '/linked/',
  '/linked/secret.txt',
  '/sub/linked.txt',
  '/a.txt.gz',
  '/neighbour/secret.txt',
  `/everything${folder.file('secret.txt')}`,
  '/everything/etc/passwd',
  '/etc/passwd',
  '/static../secret.txt',
  '/static..;/secret.txt',
  '/static%2f..%2f..%2fsecret.txt',
  '/.env',
  '/%2eenv',
  '/.git/config',
  '/.git%2fconfig',
  '/sub/.htpasswd',
  '/sub/%2Ehtpasswd',
  '/.well-known/.secret',
  '/.well-known/../.env',
  '/.well-known/../../secret.txt',
  '/.env%00.txt',
  '/a.txt%00',
  '/a.txt/../../secret.txt',
  '/a.txt/..%2f..%2fsecret.txt',
  '/proc/self/environ',
  '/C:/secret.txt',
  '/file:///etc/passwd',
  '/~root/',
]

describe('whatever path a client writes', () => {
  it('has a corpus that is worth its name', () => {
    expect(new Set(CORPUS).size).toBeGreaterThan(120)
  })

  it.each(Object.keys(POLICIES).map((name, index) => [name, proxy.portOf(index)] as const))(
    'nothing comes from outside of the root, nor what is hidden: paths are %s',
    async (_, port) => {
      const leaks: string[] = []
      const odd: string[] = []
      for (const target of CORPUS) {
        const bytes = Buffer.from(get(target, 'Accept-Encoding: gzip', 'Connection: close'), 'utf8')
        using client = await rawClient(port)
        await client.send(bytes)
        const answer = (await client.readAll()).toString('latin1')
        if (answer.includes(SECRET) || answer.includes('root:')) leaks.push(target)
        if (!/^HTTP\/1\.1 (?:200|301|400|404) /.test(answer)) odd.push(`${target}: ${answer.slice(0, 40)}`)
      }
      expect(leaks).toEqual([])
      expect(odd).toEqual([])
    },
  )

  it('nothing comes for the same as a whole address', async () => {
    const answers: string[] = []
    for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/sub/../../secret.txt']) {
      using client = await rawClient(proxy.port)
      await client.send(head(`GET http://a.example${path} HTTP/1.1`, 'Host: a.example', 'Connection: close'))
      answers.push((await client.readAll()).toString('latin1'))
    }
    expect(answers.filter(answer => answer.includes(SECRET) || !/^HTTP\/1\.1 4/.test(answer))).toEqual([])
  })

  it('what lies below the root does come', async () => {
    for (const target of ['/a.txt', '/static/a.txt', '/sub/../a.txt', '/sub/', '/sub/./index.html', '/%61.txt']) {
      using client = await rawClient(proxy.port)
      await client.send(get(target))
      expect((await client.readResponse()).content.toString()).toBe('public')
    }
  })
})

/** Not a path with one slash in front. */
const ELSEWHERE = /\r\nLocation: (?!\/[^/\\])/

describe('the address of a folder', () => {
  it.each(['//evil.example/../sub', '//sub', '/%2F/evil.example', '///evil.example/%2e%2e', '/\\evil.example'])(
    'is never one of another host: %s',
    async target => {
      for (const index of Object.keys(POLICIES).keys()) {
        using client = await rawClient(proxy.portOf(index))
        await client.send(get(target, 'Connection: close'))
        const answer = (await client.readAll()).toString('latin1')
        expect(answer).not.toMatch(ELSEWHERE)
      }
    },
  )

  it('is none either where the route looks for it elsewhere', async () => {
    for (const index of Object.keys(POLICIES).keys()) {
      using client = await rawClient(proxy.portOf(index))
      await client.send(head('GET //evil.example HTTP/1.1', 'Host: moved.example', 'Connection: close'))
      expect((await client.readAll()).toString('latin1')).toContain('\r\nLocation: /evil.example/\r\n')
    }
  })
})
