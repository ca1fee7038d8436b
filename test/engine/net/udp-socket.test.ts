import { describe, expect, it, vi } from 'vitest'
import { errorName } from '../../../engine/net/handles.ts'
import { type SendRequest, type UdpHandle, udpBinding } from '../../../engine/net/udp-handles.ts'
import { DROPPED, SENT, UdpSocket, type UdpSocketOwner } from '../../../engine/net/udp-socket.ts'
import { DatagramPeer, unreachableDatagrams } from '../../support/datagrams.ts'
import { turns } from '../../support/turns.ts'
import { waitFor } from '../../support/wait-for.ts'

class Owner implements UdpSocketOwner {
  readonly received: string[] = []
  readonly errors: string[] = []
  source = ''

  onDatagram(bytes: Buffer, source: { address: string; port: number }): void {
    this.received.push(bytes.toString())
    this.source = `${source.address} ${source.port}`
  }

  onSocketError(error: string): void {
    this.errors.push(error)
  }
}

function connected(port: number, owner: UdpSocketOwner, host = '127.0.0.1'): UdpSocket {
  const socket = UdpSocket.connect(host, port, owner)
  if (!(socket instanceof UdpSocket)) throw new Error(errorName(socket))
  return socket
}

function portOf(socket: UdpSocket): number {
  return socket.address.kind === 'tcp' ? socket.address.port : 0
}

describe('a bound socket', () => {
  it.each(['127.0.0.1', '::1'])('takes datagrams once it is read, and sends to whoever is there, at %s', async host => {
    await using peer = await DatagramPeer.open(null, host)
    const owner = new Owner()
    const socket = UdpSocket.bind(host, 0, false, owner)
    peer.send('before', portOf(socket), host)
    await turns()
    expect(owner.received).toEqual([])
    socket.read()
    await waitFor(() => owner.received.length > 0)
    expect(owner).toMatchObject({ received: ['before'], source: `${host} ${peer.port}` })
    expect(socket.sendTo(Buffer.from('answer'), host, peer.port)).toBe(SENT)
    expect((await peer.next()).text).toBe('answer')
    socket.close()
  })

  it('says what is against its address', async () => {
    await using taken = await DatagramPeer.open()
    const open = (host: string, port: number) => () => UdpSocket.bind(host, port, false, new Owner())
    expect(open('127.0.0.1', taken.port)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }))
    expect(open('192.0.2.1', 0)).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL' }))
  })

  it('shares its address only with those that mean to', () => {
    const first = UdpSocket.bind('127.0.0.1', 0, true, new Owner())
    const second = UdpSocket.bind('127.0.0.1', portOf(first), true, new Owner())
    expect(() => UdpSocket.bind('127.0.0.1', portOf(first), false, new Owner())).toThrow(/EADDRINUSE/)
    first.close()
    second.close()
  })
})

describe('a connected socket', () => {
  it('puts what is to stand in front of a datagram into the same one', async () => {
    await using peer = await DatagramPeer.open()
    const socket = connected(peer.port, new Owner())
    expect(socket.send(Buffer.from('front '), Buffer.from('content'))).toBe(SENT)
    expect(socket.send(null, Buffer.alloc(0))).toBe(SENT)
    expect([(await peer.next()).text, (await peer.next()).text]).toEqual(['front content', ''])
    socket.close()
  })

  it('drops what is too large for a datagram', async () => {
    await using peer = await DatagramPeer.open()
    const socket = connected(peer.port, new Owner())
    expect(socket.send(null, Buffer.alloc(65_508))).toBe(DROPPED)
    expect(socket.send(null, Buffer.alloc(65_507))).toBe(SENT)
    expect((await peer.next()).bytes).toHaveLength(65_507)
    socket.close()
  })

  it('hears that nobody is there, and nothing behind its end', async () => {
    await using nobody = await unreachableDatagrams()
    const { address } = nobody
    const port = address.kind === 'tcp' ? address.port : 0
    const owner = new Owner()
    const socket = connected(port, owner)
    socket.send(null, Buffer.from('a'))
    await waitFor(() => owner.errors.length > 0)
    expect(owner.errors).toEqual(['ECONNREFUSED'])
    socket.send(null, Buffer.from('b'))
    socket.close()
    socket.close()
    await turns()
    expect(owner.errors).toEqual(['ECONNREFUSED'])
  })

  it('keeps what the kernel has no room for, up to a bound, and closes behind it', async () => {
    const prototype = udpBinding().UDP.prototype as UdpHandle
    const close = vi.spyOn(prototype, 'close')
    const size = vi.spyOn(prototype, 'getSendQueueSize').mockReturnValue(300_000)
    const requests: SendRequest[] = []
    const send = vi.spyOn(prototype, 'send').mockImplementation((request: SendRequest) => {
      requests.push(request)
      return 0
    })
    try {
      const socket = connected(9, new Owner())
      expect(socket.send(null, Buffer.from('waits'))).toBe(SENT)
      expect(socket.send(null, Buffer.from('no room'))).toBe(DROPPED)
      size.mockReturnValue(5)
      expect(socket.send(null, Buffer.from('waits, too'))).toBe(SENT)
      expect(new Set(requests).size).toBe(2)
      socket.close()
      requests[0]?.oncomplete(0)
      expect(close).not.toHaveBeenCalled()
      requests[1]?.oncomplete(-1)
      expect(close).toHaveBeenCalledOnce()
    } finally {
      for (const spy of [close, size, send]) spy.mockRestore()
    }
  })

  it('gives the error where there is no way to the address', () => {
    const status = UdpSocket.connect('255.255.255.255', 9, new Owner())
    expect(status instanceof UdpSocket ? '' : errorName(status)).toBe('EACCES')
  })
})
