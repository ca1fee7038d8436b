import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { loadConfiguration } from '../../../src/config/load.ts'
import { type Demo, startDemo } from '../../../src/demo/demo.ts'
import { createProxy, type Proxy as RunningProxy } from '../../../src/index.ts'
import { type DemoConfiguration, demoConfiguration } from '../../support/demo-configuration.ts'

let configuration: DemoConfiguration

beforeEach(async () => {
  configuration = await demoConfiguration()
})

afterEach(() => configuration[Symbol.dispose]())

describe('the demonstration', () => {
  it('starts an origin at every endpoint of its configuration, each with a name of its own', async () => {
    const demo = await startDemo(configuration.path)
    const names = new Set<string>()
    for (const port of configuration.ports) {
      const response = await fetch(`http://127.0.0.1:${port}/whoami`)
      names.add(((await response.json()) as { origin: string }).origin)
    }
    await demo.close()
    expect([...names]).toEqual(['blue', 'green', 'orange'])
  })

  it('says what to try, with the address of its listener', async () => {
    const demo = await startDemo(configuration.path)
    await demo.close()
    const lines = demo.whatToTry.filter(line => line.includes('http'))
    expect(lines.length).toBeGreaterThanOrEqual(8)
    for (const line of lines) expect(line).toMatch(/http:\/\/localhost:\d+\//)
  })

  it('says which port is in use, and leaves nothing behind', async () => {
    const [first, second] = configuration.ports
    const blocker = createServer().listen(second, '127.0.0.1')
    await once(blocker, 'listening')
    await expect(startDemo(configuration.path)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `the demonstration's origin "green" cannot listen on 127.0.0.1:${second}: the port is in use`,
    })
    blocker.close()
    const free = createServer().listen(first, '127.0.0.1')
    await once(free, 'listening')
    free.close()
  })
})

describe('the demonstration behind the proxy', () => {
  let demo: Demo
  let proxy: RunningProxy
  let authority: string

  beforeEach(async () => {
    demo = await startDemo(configuration.path)
    proxy = await createProxy(demo.configurationPath)
    const { address } = proxy.listeners[0]!
    authority = address.kind === 'tcp' ? `127.0.0.1:${address.port}` : ''
  })

  afterEach(async () => {
    await demo.close()
    await proxy.close()
  })

  it('answers from all three origins in turn', async () => {
    const names = new Set<string>()
    const ask = async () => {
      const { origin } = (await (await fetch(`http://${authority}/whoami`)).json()) as { origin: string }
      return names.add(origin).size
    }
    await expect.poll(ask).toBe(3)
  })

  it('has its page, its teapot and its host', async () => {
    expect(await (await fetch(`http://${authority}/`)).text()).toContain('<title>Sluice</title>')
    const teapot = await fetch(`http://${authority}/teapot`)
    expect([teapot.status, await teapot.text()]).toEqual([418, 'short and stout\n'])
    const call = request(`http://${authority}/`, { headers: { host: 'hello.example.com' } }).end()
    const [hello] = await once(call, 'response')
    expect(hello.headers['x-route']).toBe('hello')
    hello.resume()
  })

  it('edits field lines both ways on its route for that', async () => {
    const response = await fetch(`http://${authority}/headers/x`, { headers: { 'user-agent': 'test' } })
    expect(response.headers.get('x-served-by')).toBe('sluice')
    expect(response.headers.has('x-origin')).toBe(false)
    const { headers } = (await response.json()) as { headers: string[] }
    const lines = headers.map(line => line.toLowerCase())
    expect(lines).toContain('x-gateway: sluice')
    expect(lines.filter(line => line.startsWith('user-agent:'))).toEqual([])
    expect(configuration.ports.map(port => `host: 127.0.0.1:${port}`)).toContain(
      lines.find(line => line.startsWith('host:')),
    )
  })

  it('lets events through as they come, and messages both ways', async () => {
    const events = await fetch(`http://${authority}/events`)
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (let event = 0; event < 2; event++) expect((await reader.read()).value).toMatch(/^data: .*\n\n$/)
    await reader.cancel()

    const socket = new WebSocket(`ws://${authority}/ws`)
    await once(socket, 'open')
    for (const message of ['hello', 'x'.repeat(100_000)]) {
      socket.send(message)
      const [data] = await once(socket, 'message')
      expect(String(data)).toBe(message)
    }
    socket.close(1000)
    const [code] = await once(socket, 'close')
    expect(code).toBe(1000)
  })
})

describe('the configurations that come with the product', () => {
  it.each(['minimal.yaml', 'demo.yaml'])('%s is valid as it is', async name => {
    const path = fileURLToPath(new URL(`../../../config/${name}`, import.meta.url))
    expect(readFileSync(path, 'utf8')).toMatch(/^# The /)
    const { snapshot } = await loadConfiguration(path)
    expect(snapshot.listeners[0]!.address).toMatchObject({ kind: 'tcp', port: 8080 })
    expect(snapshot.routes.length).toBeGreaterThan(0)
  })
})
