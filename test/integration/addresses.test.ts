import { existsSync, statSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Address } from '../../engine/snapshot.ts'
import { get, head, ok, post } from '../support/heads.ts'
import { listenOn } from '../support/listen.ts'
import { startTestProxy, type TestProxy } from '../support/proxy.ts'
import { rawClient } from '../support/raw-client.ts'
import { recordingOrigin } from '../support/recording-origin.ts'
import { valuesOf } from '../support/strict-head.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

async function expectAnswer(address: Address) {
  using client = await rawClient(address)
  for (let index = 0; index < 3; index += 1) {
    await client.send(get('/x'))
    expect((await client.readResponse()).content.toString()).toBe('GET /x')
  }
}

/** A connection to that address is refused, or is somebody else's: another process may have the port there. */
async function expectElsewhere(address: Address, proxy: TestProxy) {
  const { connectionsTotal } = proxy.stats()
  await rawClient(address).then(
    client => client.close(),
    () => {},
  )
  await expectAnswer(proxy.listeners[0]!.address)
  expect(proxy.stats().connectionsTotal).toBe(connectionsTotal + 1)
}

const unix = (path: string) => ({ kind: 'unix', path }) as const
const tcp = (host: string, port = 0) => ({ kind: 'tcp', host, port }) as const

describe('unix sockets', () => {
  it('are accepted on and dialled', async () => {
    await using folder = await temporaryFolder()
    await using origin = await recordingOrigin({ unixPath: folder.file('origin.sock') })
    const address = unix(folder.file('proxy.sock'))
    await using proxy = await startTestProxy({ listeners: [{ address }], upstreams: { a: [origin.address] } })
    expect(proxy.listeners[0]!.address).toEqual(address)
    await expectAnswer(address)
    const { fields } = origin.requests[0]!
    expect(valuesOf(fields, 'host')).toEqual(['a.example'])
    expect(valuesOf(fields, 'x-forwarded-for')).toEqual(['unknown'])
    expect(valuesOf(fields, 'x-forwarded-port')).toEqual([])
    expect(origin.connections.length).toBe(1)
  })

  it('carry content of a megabyte both ways', async () => {
    await using folder = await temporaryFolder()
    const content = '0123456789'.repeat(100_000)
    await using origin = await recordingOrigin({
      unixPath: folder.file('origin.sock'),
      answer: request => ok(request.content.toString()),
    })
    const address = unix(folder.file('proxy.sock'))
    await using _ = await startTestProxy({ listeners: [{ address }], upstreams: { a: [origin.address] } })
    using client = await rawClient(address)
    void client.send(post('/', content))
    expect((await client.readResponse()).content.toString()).toBe(content)
  })

  it('that a dead process left behind are taken over, and removed at the end', async () => {
    await using folder = await temporaryFolder()
    await using origin = await recordingOrigin()
    // A listener that closes removes the path it knows; under another name the file stays, as of a killed process.
    const listening = await listenOn(createServer(), folder.file('first.sock'))
    await rename(folder.file('first.sock'), folder.file('stale.sock'))
    await listening.close()
    const address = unix(folder.file('stale.sock'))
    expect(statSync(address.path).isSocket()).toBe(true)
    const proxy = await startTestProxy({ listeners: [{ address }], upstreams: { a: [origin.address] } })
    await expectAnswer(address)
    await proxy.stop()
    expect(existsSync(address.path)).toBe(false)
  })

  it('that somebody listens on are not taken over', async () => {
    await using folder = await temporaryFolder()
    await using origin = await recordingOrigin({ unixPath: folder.file('proxy.sock') })
    const options = { listeners: [{ address: unix(folder.file('proxy.sock')) }], upstreams: { a: [origin.address] } }
    await expect(startTestProxy(options)).rejects.toThrow(/listener0: unix:.*proxy\.sock: the address is in use/)
    await expectAnswer(origin.address)
  })

  it('do not replace a file that is none', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.file('notes'), 'precious')
    const options = { listeners: [{ address: unix(folder.file('notes')) }] }
    await expect(startTestProxy(options)).rejects.toThrow(/listener0: unix:.*notes: the address is in use/)
    expect(existsSync(folder.file('notes'))).toBe(true)
  })

  it('in a folder that is not there are refused with a message', async () => {
    await using folder = await temporaryFolder()
    const options = { listeners: [{ address: unix(folder.file('no/such.sock')) }] }
    await expect(startTestProxy(options)).rejects.toThrow(/listener0: unix:.*no\/such\.sock/)
  })
})

describe('IP addresses', () => {
  it('of version 6 are accepted on and dialled', async () => {
    await using outer = await recordingOrigin()
    // The proxy in the middle makes an origin on ::1.
    await using inner = await startTestProxy({
      listeners: [{ address: tcp('::1') }],
      upstreams: { a: [outer.address] },
    })
    await using proxy = await startTestProxy({
      listeners: [{ address: tcp('::1') }],
      upstreams: { a: [tcp('::1', inner.port)] },
      routes: [{ to: 'a', host: { kind: 'upstream' } }],
    })
    expect(proxy.listeners[0]!.address).toEqual(tcp('::1', proxy.port))
    await expectAnswer(tcp('::1', proxy.port))
    expect(valuesOf(outer.requests[0]!.fields, 'host')).toEqual([`[::1]:${inner.port}`])
    await expectElsewhere(tcp('127.0.0.1', proxy.port), proxy)
  })

  it('of both versions are accepted on by ::', async () => {
    await using origin = await recordingOrigin()
    await using proxy = await startTestProxy({
      listeners: [{ address: tcp('::') }],
      upstreams: { a: [origin.address] },
    })
    await expectAnswer(tcp('127.0.0.1', proxy.port))
    await expectAnswer(tcp('::1', proxy.port))
  })

  it('of version 4 only are accepted on by 0.0.0.0', async () => {
    await using origin = await recordingOrigin()
    await using proxy = await startTestProxy({
      listeners: [{ address: tcp('0.0.0.0') }],
      upstreams: { a: [origin.address] },
    })
    await expectAnswer(tcp('127.0.0.1', proxy.port))
    await expectElsewhere(tcp('::1', proxy.port), proxy)
  })

  it('are found by name, for a listener and for an endpoint, each address of it in turn', async () => {
    // The origin listens on 127.0.0.1 only, whichever address of localhost comes first.
    await using origin = await recordingOrigin()
    await using proxy = await startTestProxy({
      listeners: [{ address: tcp('localhost') }],
      upstreams: { a: [tcp('localhost', origin.port)] },
    })
    await expectAnswer(proxy.listeners[0]!.address)
  })

  it('that a name does not have make 502', async () => {
    await using proxy = await startTestProxy({ upstreams: { a: [tcp('no-such-host.invalid', 80)] } })
    using client = await rawClient(proxy.port)
    await client.send(get())
    expect((await client.readResponse()).status).toBe(502)
  })
})

describe('several listeners', () => {
  it('of one proxy are all served, each by its own settings', async () => {
    await using folder = await temporaryFolder()
    await using origin = await recordingOrigin()
    await using proxy = await startTestProxy({
      listeners: [{}, { limits: { targetBytesMax: 20 } }, { address: unix(folder.file('proxy.sock')) }],
      upstreams: { a: [origin.address] },
    })
    for (const { address } of proxy.listeners) await expectAnswer(address)
    const long = head(`GET /${'x'.repeat(100)} HTTP/1.1`, 'Host: a.example')
    for (const [index, status] of [200, 414].entries()) {
      using client = await rawClient(proxy.portOf(index))
      await client.send(long)
      expect((await client.readResponse()).status).toBe(status)
    }
  })
})
