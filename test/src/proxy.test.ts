import { describe, expect, test } from 'vitest'
import { ConfigurationError, createProxy, type EngineEvent } from '../../src/index.ts'
import { listenerUrl } from '../../src/proxy.ts'

test.each([
  [{ kind: 'tcp', host: '127.0.0.1', port: 80 }, 'http://127.0.0.1:80'],
  [{ kind: 'tcp', host: '::1', port: 80 }, 'http://[::1]:80'],
  [{ kind: 'tcp', host: '::', port: 8080 }, 'http://localhost:8080'],
  [{ kind: 'tcp', host: '0.0.0.0', port: 8080 }, 'http://localhost:8080'],
  [{ kind: 'unix', path: '/run/a.sock' }, 'unix:/run/a.sock'],
] as const)('the listener on %j is reached at %s', (address, url) => {
  expect(listenerUrl({ name: 'web', address })).toBe(url)
})

test('a listener with TLS is reached by https', () => {
  const address = { kind: 'tcp', host: '::1', port: 443 } as const
  expect(listenerUrl({ name: 'web', address }, 'https')).toBe('https://[::1]:443')
})

describe('a reload by the library', () => {
  const saying = (body: string, workers = 1) => ({
    runtime: { workers },
    listeners: { web: { address: '127.0.0.1:0' } },
    routes: [{ name: 'all', respond: { body } }],
  })

  async function started() {
    const events: EngineEvent[] = []
    const proxy = await createProxy(saying('one'), { onEvent: event => events.push(event) })
    const url = listenerUrl(proxy.listeners[0]!)
    const text = async () => await (await fetch(url)).text()
    return { proxy, text, events, [Symbol.asyncDispose]: () => proxy.close() }
  }

  test('takes an object over, says what that has changed, and tells whoever listens', async () => {
    await using running = await started()
    const { proxy } = running
    expect(proxy.generation).toBe(1)
    const { routes, listeners, needsRestart, warnings, hash } = await proxy.reload(saying('two'))
    expect(routes).toEqual({ added: [], changed: ['all'], removed: [], kept: [] })
    expect(listeners.kept).toEqual(['web'])
    expect([needsRestart, warnings]).toEqual([[], []])
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect(proxy.generation).toBe(2)
    expect(await running.text()).toBe('two')
    expect(running.events).toContainEqual(expect.objectContaining({ kind: 'reloaded', generation: 2 }))
  })

  test('refuses what is wrong, and what is there goes on', async () => {
    await using running = await started()
    await expect(running.proxy.reload({ ...saying('two'), listeners: {} })).rejects.toBeInstanceOf(ConfigurationError)
    await expect(running.proxy.reload('not/there.yaml')).rejects.toThrow('there is no such file')
    const taken = { web: { address: '127.0.0.1:0' }, other: { address: 'unix:/not/there.sock' } }
    await expect(running.proxy.reload({ ...saying('two'), listeners: taken })).rejects.toMatchObject({
      listener: 'other',
    })
    expect(running.proxy.generation).toBe(1)
    expect(await running.text()).toBe('one')
  })

  test('says what counts from the next start on, for as long as it differs', async () => {
    await using running = await started()
    expect((await running.proxy.reload(saying('two', 3))).needsRestart).toEqual(['runtime.workers'])
    expect((await running.proxy.reload(saying('three', 3))).needsRestart).toEqual(['runtime.workers'])
    expect((await running.proxy.reload(saying('four', 1))).needsRestart).toEqual([])
  })

  test('is refused once the proxy is closed', async () => {
    await using running = await started()
    await running.proxy.close()
    await expect(running.proxy.reload(saying('two'))).rejects.toMatchObject({ name: 'ReloadError', reason: 'stopping' })
  })
})
