import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { formatAddress } from '../../../engine/net/address.ts'
import { Connection } from '../../../engine/net/connection.ts'
import { ListenError } from '../../../engine/net/listen-error.ts'
import { assertFree, Listener } from '../../../engine/net/listener.ts'
import type { Address } from '../../../engine/snapshot.ts'
import { rawClient } from '../../support/raw-client.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'
import { acceptOn, Recorder, TestNet } from './sockets.ts'

let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-listener-'))
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

function tcp(host: string, port = 0): Address {
  return { kind: 'tcp', host, port }
}

function unix(name: string): Address & { kind: 'unix' } {
  return { kind: 'unix', path: join(folder, name) }
}

function portOf(address: Address): number {
  return address.kind === 'tcp' ? address.port : 0
}

const hasIpv6 = Object.values(networkInterfaces()).some(entries => entries?.some(entry => entry.address === '::1'))

describe('a listener', () => {
  it('accepts on the port that it got, and says which', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    expect(portOf(acceptor.address)).toBeGreaterThan(0)
    using client = await rawClient(acceptor.address)
    await client.send('hello')
    await waitFor(() => acceptor.recorders[0]?.text === 'hello')
    expect(acceptor.listener.connections.size).toBe(1)
    client.end()
    await waitFor(() => acceptor.recorders[0]?.events.includes('end'))
    acceptor.connections[0]!.destroy()
    expect(acceptor.listener.connections.size).toBe(0)
    expect(acceptor.released).toBe(1)
  })

  it('on every address takes IPv4 and IPv6 alike', async () => {
    if (!hasIpv6) return
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { address: tcp('::') })
    const port = portOf(acceptor.address)
    using four = await rawClient(tcp('127.0.0.1', port))
    using six = await rawClient(tcp('::1', port))
    await four.send('4')
    await six.send('6')
    await waitFor(
      () =>
        acceptor.recorders
          .map(recorder => recorder.text)
          .toSorted()
          .join('') === '46',
    )
  })

  it('cannot take a port that is taken, and says so', async () => {
    const net = new TestNet()
    await using first = await acceptOn(net)
    await expect(acceptOn(net, { address: first.address })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('shares its port with those that are told to share it', async () => {
    const net = new TestNet()
    await using first = await acceptOn(net, { reusePort: true })
    await using second = await acceptOn(net, { reusePort: true, address: first.address })
    expect(second.address).toEqual(first.address)
    const clients = await Promise.all(Array.from({ length: 64 }, () => rawClient(first.address)))
    await waitFor(() => first.connections.length + second.connections.length === clients.length)
    expect(first.connections.length).toBeGreaterThan(0)
    expect(second.connections.length).toBeGreaterThan(0)
    for (const client of clients) client.close()
  })

  it('refuses newcomers once it is closed, and goes on with the connections that it has', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    using client = await rawClient(acceptor.address)
    await waitFor(() => acceptor.connections.length === 1)
    acceptor.listener.close()
    await expect(rawClient(acceptor.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await client.send('still there')
    await waitFor(() => acceptor.recorders[0]?.text === 'still there')
  })
})

describe('a listener at its limit', () => {
  it('leaves newcomers unread, and serves them in their order as others close', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { connectionsMax: 2 })
    const clients = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      const client = await rawClient(acceptor.address)
      await client.send(name)
      clients.push(client)
    }
    await waitFor(() => acceptor.recorders.length === 2 && acceptor.recorders.every(recorder => recorder.text !== ''))
    await turns(10)
    expect(acceptor.recorders.map(recorder => recorder.text)).toEqual(['a', 'b'])
    expect(acceptor.fulls).toBe(1)
    for (const index of [1, 0, 2]) {
      acceptor.connections[index]!.destroy()
      await waitFor(() => acceptor.recorders.at(-1)!.text !== '')
      expect(acceptor.listener.connections.size).toBe(2)
    }
    expect(acceptor.recorders.map(recorder => recorder.text)).toEqual(['a', 'b', 'c', 'd', 'e'])
    for (const client of clients) client.close()
  })

  it('says so once for each time that it becomes full', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { connectionsMax: 1 })
    const clients = []
    for (let count = 0; count < 3; count += 1) clients.push(await rawClient(acceptor.address))
    await waitFor(() => acceptor.fulls === 1)
    // While others are parked it has never been anything but full.
    acceptor.connections[0]!.destroy()
    clients.push(await rawClient(acceptor.address))
    await turns()
    for (let index = 1; index < 4; index += 1) {
      await waitFor(() => acceptor.connections.length > index)
      acceptor.connections[index]!.destroy()
    }
    expect(acceptor.fulls).toBe(1)
    expect(acceptor.listener.connections.size).toBe(0)
    for (let count = 0; count < 2; count += 1) clients.push(await rawClient(acceptor.address))
    await waitFor(() => acceptor.fulls === 2)
    for (const client of clients) client.close()
  })

  it('finds out that a parked client has gone when its turn comes', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { connectionsMax: 1 })
    using first = await rawClient(acceptor.address)
    const gone = await rawClient(acceptor.address)
    await waitFor(() => acceptor.fulls === 1)
    gone.reset()
    using last = await rawClient(acceptor.address)
    await last.send('last')
    await turns()
    acceptor.connections[0]!.destroy()
    await waitFor(() => acceptor.recorders[2]?.text === 'last')
    expect(acceptor.recorders[1]!.events).toEqual(['close ECONNRESET'])
    expect(first.socket.destroyed || (await first.closed)).toBeTruthy()
  })

  it('serves the next parked one when an owner closes a connection as it takes it', async () => {
    const net = new TestNet()
    let accepted = 0
    await using acceptor = await acceptOn(net, {
      connectionsMax: 1,
      owner: () => {
        accepted += 1
        // The second one is closed with its first bytes, which have come long ago.
        return accepted === 2 ? new Recorder(net, { onRead: connection => connection.destroy() }) : new Recorder(net)
      },
    })
    const clients = []
    for (const name of ['a', 'b', 'c']) {
      clients.push(await rawClient(acceptor.address))
      await clients.at(-1)!.send(name)
    }
    await waitFor(() => acceptor.recorders[0]?.text === 'a')
    acceptor.connections[0]!.destroy()
    await waitFor(() => acceptor.recorders[2]?.text === 'c')
    expect(acceptor.listener.connections.size).toBe(1)
    for (const client of clients) client.close()
  })

  it('turns parked ones away one after the other, never one within the turn of another', async () => {
    const net = new TestNet()
    const accepted: Connection[] = []
    let within = 0
    let deepest = 0
    const listener = new Listener({
      onAccept(counter, handle) {
        within += 1
        deepest = Math.max(deepest, within)
        const connection = new Connection(net, handle)
        connection.counter = counter
        accepted.push(connection)
        if (accepted.length > 1) connection.reset()
        within -= 1
        return connection
      },
      onReleased() {},
      onFull() {},
    })
    const address = await listener.listen(tcp('127.0.0.1'), false)
    listener.serve(1)
    const clients = await Promise.all(Array.from({ length: 5 }, () => rawClient(address)))
    await waitFor(() => accepted.length === 1)
    await turns(20)
    accepted[0]!.destroy()
    await waitFor(() => accepted.length === 5)
    expect([deepest, listener.connections.size]).toEqual([1, 0])
    listener.close()
    for (const client of clients) client.close()
  })

  it('says again that it is full when its limit has become lower than what it has', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { connectionsMax: 4 })
    const clients = []
    for (let count = 0; count < 4; count += 1) clients.push(await rawClient(acceptor.address))
    await waitFor(() => acceptor.connections.length === 4)
    acceptor.listener.serve(2)
    acceptor.connections[0]!.destroy()
    clients.push(await rawClient(acceptor.address))
    await waitFor(() => acceptor.fulls === 1)
    for (const client of clients) client.close()
  })

  it('lets go of those that it has parked when it is closed', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { connectionsMax: 1 })
    using first = await rawClient(acceptor.address)
    using parked = await rawClient(acceptor.address)
    await waitFor(() => acceptor.fulls === 1)
    acceptor.listener.close()
    await parked.closed
    expect(first.ended).toBe('no')
    acceptor.connections[0]!.destroy()
    expect(acceptor.connections.length).toBe(1)
  })
})

describe('a unix socket', () => {
  it('is listened on, and its file goes with the listener', async () => {
    const net = new TestNet()
    const address = unix('plain.sock')
    await using acceptor = await acceptOn(net, { address })
    expect(acceptor.address).toEqual(address)
    using client = await rawClient(address)
    await client.send('hello')
    await waitFor(() => acceptor.recorders[0]?.text === 'hello')
    acceptor.listener.close()
    await waitFor(() => !existsSync(address.path))
  })

  it('that a dead process left behind is taken over', async () => {
    const net = new TestNet()
    const address = unix('stale.sock')
    await leaveSocketFile(address.path)
    expect(existsSync(address.path)).toBe(true)
    await using acceptor = await acceptOn(net, { address })
    using client = await rawClient(address)
    await client.send('hello')
    await waitFor(() => acceptor.recorders[0]?.text === 'hello')
  })

  it('on which somebody answers stays theirs', async () => {
    const net = new TestNet()
    const address = unix('live.sock')
    await using first = await acceptOn(net, { address })
    await expect(acceptOn(net, { address })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    using client = await rawClient(address)
    await client.send('hello')
    await waitFor(() => first.recorders.some(recorder => recorder.text === 'hello'))
  })

  it('does not take the place of a file that is no socket', async () => {
    const net = new TestNet()
    const address = unix('file.txt')
    writeFileSync(address.path, 'precious')
    await expect(acceptOn(net, { address })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(existsSync(address.path)).toBe(true)
  })

  it('cannot be in a folder that is not there', async () => {
    await expect(acceptOn(new TestNet(), { address: unix('no/folder.sock') })).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:EACCES|ENOENT)$/),
    })
  })
})

/** What a process that was killed leaves: a socket file with nobody behind it. */
async function leaveSocketFile(path: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  await new Promise(resolve => child.once('exit', resolve))
}

describe('an address', () => {
  it('is free when nobody listens on it', async () => {
    const net = new TestNet()
    const acceptor = await acceptOn(net)
    await expect(assertFree(acceptor.address)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await acceptor[Symbol.asyncDispose]()
    await expect(assertFree(acceptor.address)).resolves.toBeUndefined()
  })

  it('is not free when somebody shares it, though joining them would be possible', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net, { reusePort: true })
    await expect(assertFree(acceptor.address)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  it('is looked at without listening on it: a client that comes meanwhile is refused, not let in and thrown out', async () => {
    const net = new TestNet()
    const acceptor = await acceptOn(net)
    const { address } = acceptor
    await acceptor[Symbol.asyncDispose]()
    if (address.kind !== 'tcp') throw new Error('not a TCP address')
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const looked = assertFree(address)
        const socket = connect(address.port, address.host)
        const outcome = await once(socket, 'connect').then(
          () => 'accepted',
          (error: NodeJS.ErrnoException) => error.code,
        )
        socket.destroy()
        await looked
        return outcome
      }),
    )
    expect(new Set(outcomes)).toEqual(new Set(['ECONNREFUSED']))
  })

  it('that is a name is looked up', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const port = acceptor.address.kind === 'tcp' ? acceptor.address.port : 0
    await expect(assertFree(tcp('localhost', port))).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await expect(assertFree(tcp('no-such-host.invalid', port))).rejects.toMatchObject({ code: /ENOTFOUND|EAI_AGAIN/ })
  })

  it('that the system chooses, and a unix socket, need no look', async () => {
    await expect(assertFree(tcp('127.0.0.1', 0))).resolves.toBeUndefined()
    await expect(assertFree(unix('whatever.sock'))).resolves.toBeUndefined()
  })
})

describe('what a listener cannot do', () => {
  async function errorOf(address: Address): Promise<ListenError> {
    const failed = await acceptOn(new TestNet(), { address }).then(
      () => null,
      (error: NodeJS.ErrnoException) => error,
    )
    expect(failed).not.toBeNull()
    return ListenError.of('web', address, failed as NodeJS.ErrnoException)
  }

  it('is told in one line that names the listener, the address and the way out', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const address = tcp('127.0.0.1', port)
    const error = await errorOf(address)
    expect(error).toMatchObject({ code: 'EADDRINUSE', listener: 'web' })
    expect(error.message).toBe(
      `listener web: ${formatAddress(address)}: the address is in use; stop what listens there or choose another address`,
    )
    taken.close()
  })

  it('is told of an address that this machine does not have', async () => {
    const error = await errorOf(tcp('192.0.2.77', 8080))
    expect(error.message).toBe('listener web: 192.0.2.77:8080: this machine does not have that address')
  })

  it.each([
    ['EACCES', 'no permission to listen there; ports below 1024 need privileges'],
    ['ENOTFOUND', 'the host name does not resolve'],
    ['EAI_AGAIN', 'the host name does not resolve'],
    ['EMFILE', 'too many'],
  ])('is told of %s', (code, explanation) => {
    const error = Object.assign(new Error('too many'), { code })
    expect(ListenError.of('web', tcp('::', 80), error).message).toBe(`listener web: [::]:80: ${explanation}`)
  })
})

describe('a connection that is accepted', () => {
  it('is not read before somebody resumes it, and loses nothing by it', async () => {
    const net = new TestNet()
    await using acceptor = await acceptOn(net)
    const socket: Socket = connect(portOf(acceptor.address), '127.0.0.1')
    await new Promise<void>(resolve => socket.once('connect', resolve))
    await waitFor(() => acceptor.connections.length === 1)
    acceptor.connections[0]!.pause()
    socket.write('early')
    await turns()
    expect(acceptor.recorders[0]!.text).toBe('')
    acceptor.connections[0]!.resume()
    await waitFor(() => acceptor.recorders[0]!.text === 'early')
    socket.destroy()
  })
})
