import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestProxy, type TestProxy } from '../../support/proxy.ts'
import { type RedisProcess, startRedis } from '../../support/redis-process.ts'
import { waitFor } from '../../support/wait-for.ts'

let redis: RedisProcess
let proxy: TestProxy

beforeAll(async () => {
  redis = await startRedis()
  proxy = await startTestProxy({
    tcpListeners: [{}],
    upstreams: { redis: [{ kind: 'tcp', host: '127.0.0.1', port: redis.port }] },
  })
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await redis[Symbol.asyncDispose]()
})

async function benchmark(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-benchmark', ['-p', String(proxy.port), '--csv', ...args])
  return stdout
}

/** How often the server has run a command, as it says itself. */
async function calls(command: string): Promise<number> {
  const args = ['-p', String(redis.port), 'info', 'commandstats']
  const { stdout } = await promisify(execFile)('redis-cli', args)
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stdout)?.[1] ?? 0)
}

/** A connection through the proxy, and what has come on it. */
async function client(): Promise<{ readonly socket: Socket; readonly received: () => string }> {
  const socket = connect(proxy.port, '127.0.0.1')
  let text = ''
  socket.on('data', chunk => {
    text += chunk
  })
  await once(socket, 'connect')
  return { socket, received: () => text }
}

describe('Redis behind a listener of TCP', () => {
  it('gets every command of fifty clients, each with sixteen under way', async () => {
    const report = await benchmark('-c', '50', '-n', '20000', '-P', '16', '-t', 'set,get')
    expect(report).toMatch(/^"SET",/m)
    expect(report).toMatch(/^"GET",/m)
    expect(await calls('set')).toBeGreaterThanOrEqual(20_000)
    expect(await calls('get')).toBeGreaterThanOrEqual(20_000)
  })

  it('gets those of five hundred clients, one at a time', async () => {
    await benchmark('-c', '500', '-n', '5000', '-t', 'incr')
    expect(await calls('incr')).toBeGreaterThanOrEqual(5_000)
  })

  it('takes and gives values of 1 MB', async () => {
    const before = await calls('set')
    await benchmark('-c', '4', '-n', '40', '-d', '1000000', '-t', 'set,get')
    expect(await calls('set')).toBeGreaterThanOrEqual(before + 40)
  })

  it('pushes what is published to those who have subscribed, all of it and in its order', async () => {
    const subscriber = await client()
    subscriber.socket.write('SUBSCRIBE news\r\n')
    await waitFor(() => subscriber.received().endsWith(':1\r\n'), 'the subscription')
    const publisher = await client()
    const before = subscriber.received().length
    const said = Array.from({ length: 1_000 }, (_, index) => `message-${index}`)
    publisher.socket.write(said.map(word => `PUBLISH news ${word}\r\n`).join(''))
    await waitFor(() => publisher.received().split(':1\r\n').length === 1_001, 'a thousand answers')
    await waitFor(() => subscriber.received().endsWith('message-999\r\n'), 'the last message')
    const pushed = subscriber
      .received()
      .slice(before)
      .match(/message-\d+/g)
    expect(pushed).toEqual(said)
    publisher.socket.destroy()
    subscriber.socket.destroy()
  })

  it('leaves no flow behind', async () => {
    await expect.poll(() => proxy.stats().flows.active).toBe(0)
    expect(proxy.stats().connectionsOpen).toBe(0)
  })
})
