import { createHash, randomBytes, randomInt } from 'node:crypto'
import { appendFile, mkdir, open, rename, truncate, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { FilesSnapshot } from '../../../engine/snapshot.ts'
import { get, head } from '../../support/heads.ts'
import { startInstrumentedProxy } from '../../support/instrumented-proxy.ts'
import { openDescriptors } from '../../support/open-descriptors.ts'
import { rawClient } from '../../support/raw-client.ts'
import { type SlowReader, slowReader } from '../../support/slow-reader.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { waitFor } from '../../support/wait-for.ts'
import { openScene, type Scene } from '../upstream/scene.ts'

/** More than the buffers of both kernels hold. */
const SIZE = 12 * 1024 * 1024
const CONTENT = randomBytes(SIZE)
/** Several reads of the file. */
const MEDIUM = CONTENT.subarray(0, 500_000)

const folder = await temporaryFolder()
await mkdir(folder.file('www'))
const FILES: FilesSnapshot = {
  root: folder.file('www'),
  index: [],
  precompressed: [],
  stripPrefix: '',
  cacheControl: '',
  fallback: '',
}

let scene: Scene
beforeAll(async () => {
  await writeFile(folder.file('www/large.bin'), CONTENT)
  await writeFile(folder.file('www/medium.bin'), MEDIUM)
  scene = await openScene('', () => ({
    listeners: [{}, { timeouts: { contentMs: 300 } }],
    routes: [
      {
        name: 'short',
        match: { path: { kind: 'prefix', path: '/short/' } },
        to: files('/short'),
        timeouts: { totalMs: 300 },
      },
      { name: 'files', to: files('') },
    ],
  }))
})
afterEach(async () => {
  await scene.rest()
  await waitFor(
    () => openFiles().length === 0,
    () => `no file left open: ${openFiles()}`,
  )
})
afterAll(async () => {
  await scene[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})

function files(stripPrefix: string) {
  return { kind: 'files', files: { ...FILES, stripPrefix } } as const
}

/** The proxy is in this process. */
const openFiles = () => openDescriptors(folder.path)

async function ask(port: number, target: string) {
  using client = await rawClient(port)
  await client.send(get(target))
  return await client.readResponse()
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A client that has taken the beginning of a file of its own, and no more. */
async function stalled(name: string, port = scene.proxy.port): Promise<SlowReader> {
  await writeFile(folder.file(`www/${name}`), CONTENT)
  const reader = await slowReader(port, get(`/${name}`))
  await reader.take(1_000)
  await waitFor(() => openFiles().length === 1)
  return reader
}

/** What of the content comes until the connection ends. */
async function rest(reader: SlowReader): Promise<number> {
  await reader.take(2 * SIZE)
  return reader.bytesRead
}

const errors = async (count: number) => (await scene.records(count)).map(({ status, error }) => [status, error])

describe('a file', () => {
  it('comes whole, and the connection goes on', async () => {
    const client = await scene.client()
    for (let count = 0; count < 2; count += 1) {
      await client.send(get('/medium.bin'))
      const { content, length } = await client.readResponse()
      expect([length, digest(content)]).toEqual([MEDIUM.length, digest(MEDIUM)])
    }
    const [record] = await scene.records(2)
    expect(record!.bytesOut).toBeGreaterThan(MEDIUM.length)
  })

  it('comes in parts', async () => {
    const client = await scene.client()
    for (const [start, end] of [
      [0, 0],
      [65_535, 65_536],
      [100_000, 399_999],
      [499_999, 499_999],
    ] as const) {
      await client.send(get('/medium.bin', `Range: bytes=${start}-${end}`))
      const { status, content } = await client.readResponse()
      expect([status, digest(content)]).toEqual([206, digest(MEDIUM.subarray(start, end + 1))])
    }
  })

  it('comes as slowly as a client takes it', async () => {
    using reader = await slowReader(scene.proxy.port, get('/large.bin', 'Connection: close'))
    const pieces: Buffer[] = []
    while (!reader.ended) pieces.push(await reader.take(1_500_000, 20_000))
    const all = Buffer.concat(pieces)
    expect(digest(all.subarray(all.indexOf('\r\n\r\n') + 4))).toBe(digest(CONTENT))
  })

  it('comes to those who ask ahead, one after the other', async () => {
    const client = await scene.client()
    await client.send(get('/medium.bin') + get('/nothing') + get('/medium.bin', 'Range: bytes=5-6'))
    expect((await client.readResponse()).length).toBe(MEDIUM.length)
    expect((await client.readResponse()).status).toBe(404)
    expect((await client.readResponse()).content).toEqual(CONTENT.subarray(5, 7))
  })

  it('is not read for HEAD, nor for a client that has it', async () => {
    const client = await scene.client()
    await client.send(head('HEAD /large.bin HTTP/1.1', 'Host: a.example'))
    expect((await client.readResponse({ method: 'HEAD' })).status).toBe(200)
    await client.send(get('/large.bin', 'If-None-Match: *'))
    expect((await client.readResponse()).status).toBe(304)
    const records = await scene.records(2)
    expect(records.every(({ bytesOut }) => bytesOut < 1_000)).toBe(true)
  })
})

describe('a client that does not take its file', () => {
  it('is waited for as long as the listener says, and then reset', async () => {
    using reader = await stalled('waiting.bin', scene.proxy.portOf(1))
    expect(await errors(1)).toEqual([[200, 'response_write_timeout']])
    expect(await rest(reader)).toBeLessThan(SIZE)
  })

  it('has its time as a whole, where the route has one', async () => {
    using reader = await slowReader(scene.proxy.port, get('/short/large.bin'))
    expect(await errors(1)).toEqual([[200, 'exchange_timeout']])
    expect(await rest(reader)).toBeLessThan(SIZE)
  })

  it('and goes away leaves no file open', async () => {
    const reader = await stalled('left.bin')
    reader.close()
    expect(await errors(1)).toEqual([[200, 'client_closed']])
  })
})

describe('a file that changes while it is sent', () => {
  it('and gets shorter, cuts the connection', async () => {
    using reader = await stalled('shorter.bin')
    await truncate(folder.file('www/shorter.bin'), SIZE / 2)
    expect(await rest(reader)).toBeLessThan(SIZE)
    expect(await errors(1)).toEqual([[200, 'file_changed']])
  })

  it('and is written anew in its place, cuts the connection before the last byte', async () => {
    using reader = await stalled('anew.bin')
    const handle = await open(folder.file('www/anew.bin'), 'r+')
    await handle.write(Buffer.alloc(1_000), 0, 1_000, SIZE - 1_000)
    await handle.close()
    expect(await rest(reader)).toBeLessThan(SIZE)
    expect(await errors(1)).toEqual([[200, 'file_changed']])
  })

  it('and grows, is sent as it was', async () => {
    using reader = await stalled('longer.bin')
    await appendFile(folder.file('www/longer.bin'), 'more')
    await reader.take(SIZE - 10_000)
    await waitFor(() => openFiles().length === 0)
    expect(await errors(1)).toEqual([[200, '']])
  })

  it('and another one takes its place, is sent as it was', async () => {
    using reader = await stalled('replaced.bin')
    await writeFile(folder.file('next'), 'next')
    await rename(folder.file('next'), folder.file('www/replaced.bin'))
    await reader.take(SIZE - 10_000)
    expect(await errors(1)).toEqual([[200, '']])
    expect((await scene.get('/replaced.bin')).content.toString()).toBe('next')
  })
})

describe('many downloads at once', () => {
  it('of which many are broken off leave no file open, and no count', async () => {
    const download = async (index: number) => {
      using client = await rawClient(scene.proxy.port)
      await client.send(get('/large.bin', ...(index % 4 === 0 ? ['Range: bytes=1000-200000'] : [])))
      if (index % 4 === 0) {
        expect((await client.readResponse({ deadlineMs: 20_000 })).content.length).toBe(199_001)
        return
      }
      const wanted = randomInt(0, 500_000)
      await client.readUntil(() => client.unread.length >= wanted, 20_000)
      if (index % 2 === 0) client.reset()
    }
    await Promise.all(Array.from({ length: 100 }, (_, index) => download(index)))
    await scene.proxy.nothingLeft(20_000)
    await waitFor(() => openFiles().length === 0)
    const records = await scene.records(100)
    expect(new Set(records.map(({ error }) => error))).toEqual(new Set(['', 'client_closed']))
    expect(records.filter(({ status }) => status === 206).length).toBe(25)
  })
})

describe('a reload', () => {
  it('that takes the route away lets downloads end', async () => {
    await using proxy = await startInstrumentedProxy({ routes: [{ to: files('') }] })
    using reader = await stalled('outlives.bin', proxy.port)
    await proxy.reload({ routes: [] })
    expect((await ask(proxy.port, '/outlives.bin')).status).toBe(404)
    await reader.take(SIZE - 10_000)
    await waitFor(() => openFiles().length === 0)
  })
})

describe('the end of the proxy', () => {
  it('cuts a download that takes longer than the grace, and closes its file', async () => {
    const proxy = await startInstrumentedProxy({ shutdownGraceMs: 50, routes: [{ to: files('') }] })
    using reader = await stalled('ending.bin', proxy.port)
    await proxy.stop()
    expect(await rest(reader)).toBeLessThan(SIZE)
  })
})
