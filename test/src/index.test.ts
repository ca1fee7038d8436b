import { createServer } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import {
  type BoundListener,
  ConfigurationError,
  createProxy,
  defineConfig,
  type EngineEvent,
  ListenError,
} from '../../src/index.ts'
import { listenOn } from '../support/listen.ts'
import { Folder } from './cli/command.ts'

const hello = defineConfig({
  runtime: { workers: 1 },
  listeners: { web: { address: '127.0.0.1:0' } },
  routes: [{ respond: { body: 'hello' } }],
})

function urlOf(listener: BoundListener | undefined): string {
  if (listener?.address.kind !== 'tcp') throw new Error('no TCP listener')
  return `http://${listener.address.host}:${listener.address.port}/`
}

describe('createProxy', () => {
  test('runs a proxy from an object and gives the ports, the counters and a way to end it', async () => {
    await using origin = await listenOn(createServer((request, response) => response.end(`origin ${request.url}`)))
    const events: EngineEvent[] = []
    const proxy = await createProxy(
      {
        ...hello,
        runtime: { workers: 2 },
        upstreams: { api: { endpoints: [{ address: `127.0.0.1:${origin.port}` }] } },
        routes: [{ match: { path: '/api/*' }, upstream: 'api' }, ...(hello.routes ?? [])],
      },
      { onEvent: event => events.push(event) },
    )
    const url = urlOf(proxy.listeners[0])
    expect(proxy.listeners.map(({ name }) => name)).toEqual(['web'])
    expect(await (await fetch(url)).text()).toBe('hello')
    expect(await (await fetch(`${url}api/x`)).text()).toBe('origin /api/x')
    await expect.poll(() => proxy.stats()).toMatchObject({ exchangesTotal: 2 })
    await Promise.all([proxy.close(), proxy.close()])
    await proxy.close()
    expect(events.filter(({ kind }) => kind === 'worker_died')).toEqual([])
    await expect(fetch(url)).rejects.toThrow()
  })

  test('passes connections on, and says where they go', async () => {
    await using origin = await listenOn(createTcpServer(socket => socket.end('220 hello\r\n')))
    await using proxy = await createProxy({
      runtime: { workers: 1 },
      listeners: { mail: { address: '127.0.0.1:0', protocol: 'tcp', upstream: 'mail' } },
      upstreams: { mail: { endpoints: [{ address: `127.0.0.1:${origin.port}` }] } },
    })
    const { port } = new URL(urlOf(proxy.listeners[0]))
    const socket = connect(Number(port), '127.0.0.1')
    expect(await text(socket)).toBe('220 hello\r\n')
    socket.end()
    await expect.poll(() => proxy.stats()).toMatchObject({ flows: { active: 0, total: 1 }, exchangesTotal: 0 })
    expect(await proxy.explainFlow(`tcp://127.0.0.1:${port}`)).toMatchObject({
      listener: { name: 'mail', reason: `it has port ${port}` },
      upstream: { name: 'mail', endpoint: `127.0.0.1:${origin.port}` },
    })
    await expect(proxy.explain(`http://127.0.0.1:${port}/`)).rejects.toThrow('it goes to the upstream mail')
  })

  test('runs a proxy from a file, and two at once, each for itself', async () => {
    await using folder = await Folder.make({ 'a.json': JSON.stringify(hello) })
    await using first = await createProxy(`${folder.path}/a.json`)
    await using second = await createProxy(hello)
    expect(urlOf(first.listeners[0])).not.toBe(urlOf(second.listeners[0]))
    expect(await (await fetch(urlOf(first.listeners[0]))).text()).toBe('hello')
    await first.close()
    expect(await (await fetch(urlOf(second.listeners[0]))).text()).toBe('hello')
  })

  test('refuses a configuration that is wrong with everything that is wrong with it', async () => {
    const wrong = { listeners: { web: { adress: ':1' } }, admin: {}, routes: [{ respond: {} }] } as never
    const error = await createProxy(wrong).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect((error as ConfigurationError).problems.map(({ key }) => key)).toEqual([
      'listeners.web.address',
      'listeners.web.adress',
      'admin',
    ])
    await expect(createProxy('/nowhere/sluice.yaml')).rejects.toBeInstanceOf(ConfigurationError)
  })

  test('rejects with the name of a listener that cannot be opened', async () => {
    await using other = await listenOn(createTcpServer())
    const taken = { listeners: { first: { address: '127.0.0.1:0' }, web: { address: `127.0.0.1:${other.port}` } } }
    const error = await createProxy(taken).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ListenError)
    expect(error).toMatchObject({ listener: 'web', code: 'EADDRINUSE', message: expect.stringMatching(/in use/) })
  })
})
