import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Origin, startOrigin } from '../../../src/demo/origin.ts'

let origin: Origin

beforeEach(async () => {
  origin = await startOrigin({ name: 'blue', color: '#00f' }, '127.0.0.1', 0)
})

afterEach(() => origin.close())

async function open(): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${origin.port}/ws`)
  await once(socket, 'open')
  return socket
}

async function upgradeByHand(): Promise<Socket> {
  const socket = connect(origin.port, '127.0.0.1')
  const fields = 'Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13'
  socket.write(`GET /ws HTTP/1.1\r\n${fields}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`)
  const [head] = await once(socket, 'data')
  expect(String(head)).toMatch(/^HTTP\/1\.1 101 .*Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/s)
  return socket
}

/** A client's frame with the mask 0. */
function frame(first: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(first, 0x80 | payload.length, 0, 0, 0, 0), payload])
}

async function closeCodeAfter(bytes: Uint8Array): Promise<number> {
  const socket = await upgradeByHand()
  socket.write(bytes)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  expect(answer[0]).toBe(0x88)
  await once(socket, 'end')
  socket.end()
  return answer.readUInt16BE(2)
}

describe('the WebSocket echo', () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 1024 * 1024])('sends a message of %i bytes back', async length => {
    const socket = await open()
    for (const message of [Buffer.alloc(length, 'é'), 'x'.repeat(length)]) {
      socket.send(message)
      const [data, isBinary] = await once(socket, 'message')
      expect(isBinary).toBe(typeof message !== 'string')
      expect(Buffer.from(message).equals(data)).toBe(true)
    }
    socket.close()
    await once(socket, 'close')
  })

  it('puts fragments together, with a ping between them', async () => {
    const socket = await open()
    const answers = Promise.all([once(socket, 'pong'), once(socket, 'message')])
    socket.send('one ', { fin: false })
    socket.ping('between')
    socket.send('two', { fin: true })
    const [[pong], [data]] = await answers
    expect(String(pong)).toBe('between')
    expect(String(data)).toBe('one two')
    socket.terminate()
  })

  it('reads frames that arrive byte by byte', async () => {
    const socket = (await upgradeByHand()).setNoDelay()
    for (const byte of frame(0x81, Buffer.from('slow'))) socket.write(Buffer.of(byte))
    const [answer] = await once(socket, 'data')
    expect(answer).toEqual(Buffer.from('\x81\x04slow', 'latin1'))
    socket.destroy()
  })

  it('closes with the code that the client closes with, or without one', async () => {
    for (const [code, expected] of [
      [1000, 1000],
      [4321, 4321],
      [undefined, 1005],
    ]) {
      const socket = await open()
      socket.close(code)
      const [received] = await once(socket, 'close')
      expect(received).toBe(expected)
    }
  })

  it('closes with 1002 on a frame that the protocol forbids', async () => {
    const payload = Buffer.from('x')
    expect(await closeCodeAfter(Buffer.of(0x81, 1, 0x78))).toBe(1002)
    expect(await closeCodeAfter(frame(0x83, payload))).toBe(1002)
    expect(await closeCodeAfter(frame(0xc1, payload))).toBe(1002)
    expect(await closeCodeAfter(frame(0x09, payload))).toBe(1002)
    expect(await closeCodeAfter(frame(0x80, payload))).toBe(1002)
    expect(await closeCodeAfter(Buffer.concat([frame(0x01, payload), frame(0x81, payload)]))).toBe(1002)
  })

  it('closes with 1007 on text that is not UTF-8, and with 1009 on a message that is too long', async () => {
    expect(await closeCodeAfter(frame(0x81, Buffer.of(0xff)))).toBe(1007)
    const socket = await open()
    socket.send('x'.repeat(1024 * 1024 + 1))
    const [code] = await once(socket, 'close')
    expect(code).toBe(1009)
  })

  it('refuses what is no WebSocket handshake', async () => {
    for (const [fields, status] of [
      ['Upgrade: other', 400],
      ['Upgrade: websocket\r\nSec-WebSocket-Key: short', 400],
      ['Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8', 426],
    ] as const) {
      const socket = connect(origin.port, '127.0.0.1')
      socket.write(`GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n${fields}\r\n\r\n`)
      const [head] = await once(socket, 'data')
      expect(String(head)).toContain(`HTTP/1.1 ${status} `)
      socket.destroy()
    }
  })
})
