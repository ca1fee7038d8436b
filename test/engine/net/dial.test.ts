import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dial } from '../../../engine/net/dial.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { blackhole } from '../../support/blackhole.ts'
import { listenOn } from '../../support/listen.ts'
import { refusingPort } from '../../support/refusing-port.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { acceptOn, Recorder, TestNet } from './sockets.ts'

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-dial-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function tcp(host: string, port: number): Address {
  return { kind: 'tcp', host, port }
}

async function outcomeOf(net: TestNet, address: Address, timeoutMs = 5_000): Promise<Recorder> {
  const recorder = new Recorder(net)
  new Dial(net, address, timeoutMs, recorder)
  await waitFor(() => recorder.events.length > 0)
  return recorder
}

const hasIpv6 = Object.values(networkInterfaces()).some(entries => entries?.some(entry => entry.address === '::1'))

describe('dialling', () => {
  it.each([
    ['an IPv4 address', '127.0.0.1'],
    ['an IPv6 address', '::1'],
  ])('%s opens a connection that reads and writes', async (_, host) => {
    if (host === '::1' && !hasIpv6) return
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { address: tcp(host, 0) })
    const dialler = await outcomeOf(net, acceptor.address)
    expect(dialler.events).toEqual(['connect'])
    const connection = dialler.connection!
    connection.resume()
    connection.write(Buffer.from('hello'), 0, 5, null)
    await waitFor(() => acceptor.recorders[0]?.text === 'hello')
    acceptor.connections[0]!.write(Buffer.from('there'), 0, 5, null)
    await waitFor(() => dialler.text === 'there')
    expect(net.wheel.hanging).toBe(0)
    connection.destroy()
  })

  it('a unix socket opens a connection', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { address: { kind: 'unix', path: join(folder, 'here.sock') } })
    const dialler = await outcomeOf(net, acceptor.address)
    expect(dialler.events).toEqual(['connect'])
    dialler.connection!.write(Buffer.from('hello'), 0, 5, null)
    await waitFor(() => acceptor.recorders[0]?.text === 'hello')
    dialler.connection!.destroy()
  })

  it('never answers before the call has returned', async () => {
    const net = new TestNet()
    const addresses: Address[] = [
      { kind: 'unix', path: join(folder, 'nobody.sock') },
      { kind: 'unix', path: join(folder, 'x'.repeat(200)) },
      tcp('127.0.0.1', 1),
    ]
    for (const address of addresses) {
      const recorder = new Recorder(net)
      new Dial(net, address, 5_000, recorder)
      expect(recorder.events).toEqual([])
      await waitFor(() => recorder.events.length > 0)
      expect(recorder.events.length).toBe(1)
    }
  })
})

describe('a dial that fails', () => {
  it('is told when nobody listens', async () => {
    await using refusing = await refusingPort()
    const net = new TestNet()
    expect((await outcomeOf(net, refusing.address)).events).toEqual(['connect error ECONNREFUSED'])
    expect(net.wheel.hanging).toBe(0)
  })

  it('is told when the socket file is not there', async () => {
    const net = new TestNet()
    const missing: Address = { kind: 'unix', path: join(folder, 'missing.sock') }
    expect((await outcomeOf(net, missing)).events).toEqual(['connect error ENOENT'])
  })

  it('is told when the path is longer than a socket file may have', async () => {
    const net = new TestNet()
    const long: Address = { kind: 'unix', path: join(folder, 'x'.repeat(200)) }
    expect((await outcomeOf(net, long)).events).toEqual([
      expect.stringMatching(/^connect error E(?:INVAL|NAMETOOLONG)$/),
    ])
    expect(net.wheel.hanging).toBe(0)
  })

  it('is told once when its deadline passes', async () => {
    await using hole = await blackhole()
    const net = new TestNet()
    const recorder = new Recorder(net)
    new Dial(net, hole.address, 1_000, recorder)
    await turns()
    net.pass(950)
    expect(recorder.events).toEqual([])
    net.pass(200)
    expect(recorder.events).toEqual(['connect error ETIMEDOUT'])
    net.pass(10_000)
    await turns()
    expect(recorder.events.length).toBe(1)
    expect(net.wheel.hanging).toBe(0)
  })

  it('with an exception in its owner costs nobody else anything', async () => {
    await using refusing = await refusingPort()
    const net = new TestNet()
    const recorder = new Recorder(net)
    recorder.onConnectError = () => {
      throw new Error('a defect of ours')
    }
    new Dial(net, refusing.address, 5_000, recorder)
    await waitFor(() => net.faults.length > 0)
    expect(net.faults).toMatchObject([{ message: 'a defect of ours' }])
  })
})

describe('a dial that succeeds', () => {
  it('with an exception in its owner closes the connection and tells of it', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const recorder = new Recorder(net)
    recorder.onConnect = () => {
      throw new Error('a defect of ours')
    }
    new Dial(net, acceptor.address, 5_000, recorder)
    await waitFor(() => acceptor.recorders[0]?.events.includes('end'))
    expect(net.faults).toMatchObject([{ message: 'a defect of ours' }])
  })
})

describe('a dial with something to send ahead', () => {
  it('sends it as soon as it is connected, before anything that its owner writes', async () => {
    const net = new TestNet()
    for (const address of [tcp('127.0.0.1', 0), { kind: 'unix', path: join(folder, 'ahead.sock') } as const]) {
      await using acceptor = await acceptOn(net, { address })
      const recorder = new Recorder(net)
      new Dial(net, acceptor.address, 5_000, recorder, null, Buffer.from('ahead '))
      await waitFor(() => acceptor.recorders[0]?.text === 'ahead ')
      recorder.connection!.write(Buffer.from('behind'), 0, 6, null)
      await waitFor(() => acceptor.recorders[0]?.text === 'ahead behind')
      recorder.connection!.destroy()
    }
  })

  it('sends it whole, however much it is', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const recorder = new Recorder(net)
    const ahead = Buffer.alloc(8 * 1024 * 1024, 'a')
    new Dial(net, acceptor.address, 5_000, recorder, null, ahead)
    await waitFor(() => recorder.events.length > 0)
    recorder.connection!.write(Buffer.from('behind'), 0, 6, null)
    await waitFor(() => acceptor.recorders[0]?.text.endsWith('behind'))
    expect(acceptor.recorders[0]!.text.length).toBe(ahead.length + 6)
    recorder.connection!.destroy()
  })

  it('sends nothing where nobody listens', async () => {
    await using refusing = await refusingPort()
    const net = new TestNet()
    const recorder = new Recorder(net)
    new Dial(net, refusing.address, 5_000, recorder, null, Buffer.from('ahead'))
    await waitFor(() => recorder.events.length > 0)
    expect([recorder.events, net.wheel.hanging]).toEqual([['connect error ECONNREFUSED'], 0])
  })
})

describe('a dial that is cancelled', () => {
  it('tells its owner nothing, and leaves no connection', async () => {
    await using server = await listenOn(createServer())
    await using refusing = await refusingPort()
    await using hole = await blackhole()
    const net = new TestNet()
    for (const { address } of [server, refusing, hole]) {
      const recorder = new Recorder(net)
      const dial = new Dial(net, address, 1_000, recorder)
      dial.cancel()
      dial.cancel()
      net.pass(2_000)
      await turns()
      expect(recorder.events).toEqual([])
      expect(net.wheel.hanging).toBe(0)
    }
  })
})

describe('a name', () => {
  it('is no address: nothing is looked up here', async () => {
    const net = new TestNet()
    expect((await outcomeOf(net, tcp('localhost', 80))).events).toEqual(['connect error EINVAL'])
    expect(net.wheel.hanging).toBe(0)
  })
})
