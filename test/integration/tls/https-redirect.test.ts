import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SameThreadProxy, startSameThreadProxy } from '../../support/proxy.ts'
import { rawClient } from '../../support/raw-client.ts'
import { valuesOf } from '../../support/strict-head.ts'

let proxy: SameThreadProxy

beforeAll(async () => {
  proxy = await startSameThreadProxy({
    listeners: [
      { redirectToHttpsPort: 443, redirectToHttpsStatus: 308 },
      { redirectToHttpsPort: 8443, redirectToHttpsStatus: 301 },
    ],
    routes: [{ to: { kind: 'respond', status: 200, fields: [], content: Buffer.from('never') } }],
  })
})

afterAll(() => proxy.stop())

/** The response to a request as it is written. */
async function told(head: string, port = proxy.port) {
  using client = await rawClient(port)
  await client.send(`${head}\r\n\r\n`)
  const { status, fields } = await client.readResponse({ method: head.split(' ', 1)[0] ?? '' })
  return { status, location: valuesOf(fields, 'location').join() }
}

describe('every request of the listener is led to the same place by https', () => {
  test.each([
    ['/', 'a.example', 'https://a.example/'],
    ['/x/y?z=1&z=2', 'A.Example:8080', 'https://a.example/x/y?z=1&z=2'],
    ['//evil.example/x', 'a.example', 'https://a.example//evil.example/x'],
    ['/a/../b/%2e', 'a.example', 'https://a.example/a/../b/%2e'],
    ['/"<>', 'a.example', 'https://a.example/%22%3C%3E'],
    ['/x', '[::1]:80', 'https://[::1]/x'],
    ['http://b.example:81/x?y', 'a.example', 'https://b.example/x?y'],
    ['http://b.example?y', 'a.example', 'https://b.example/?y'],
  ])('%s of %s', async (target, host, location) => {
    expect(await told(`GET ${target} HTTP/1.1\r\nHost: ${host}`)).toEqual({ status: 308, location })
  })

  test('whatever its method', async () => {
    const location = 'https://a.example/'
    expect(await told('HEAD / HTTP/1.1\r\nHost: a.example')).toEqual({ status: 308, location })
    expect(await told('POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5')).toEqual({ status: 308, location })
    expect(await told('OPTIONS * HTTP/1.1\r\nHost: a.example')).toEqual({ status: 308, location })
  })

  test('to another port, with another status, where the configuration says so', async () => {
    const port = proxy.portOf(1)
    expect(await told('GET /x HTTP/1.1\r\nHost: a.example:80', port)).toEqual({
      status: 301,
      location: 'https://a.example:8443/x',
    })
  })

  test('over HTTP/2 too', async () => {
    const session = connectHttp2(`http://127.0.0.1:${proxy.port}`)
    const stream = session.request({ ':path': '/x?y', ':authority': 'a.example' })
    const [fields] = await once(stream, 'response')
    session.close()
    expect([fields[':status'], fields.location]).toEqual([308, 'https://a.example/x?y'])
  })
})

test('a request that names no host cannot be led anywhere', async () => {
  expect(await told('GET / HTTP/1.0')).toEqual({ status: 400, location: '' })
})

test('the connection goes on behind the redirect', async () => {
  using client = await rawClient(proxy.port)
  for (const path of ['/1', '/2']) {
    await client.send(`GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`)
    expect(valuesOf((await client.readResponse()).fields, 'location')).toEqual([`https://a.example${path}`])
  }
})
