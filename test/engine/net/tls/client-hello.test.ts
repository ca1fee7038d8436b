import { beforeAll, describe, expect, it } from 'vitest'
import { readClientHello } from '../../../../engine/net/tls/client-hello.ts'
import { helloOf } from './secure-peers.ts'

let hello: Buffer = Buffer.alloc(0)

beforeAll(async () => {
  hello = await helloOf({ servername: 'Name.Example', ALPNProtocols: ['acme-tls/1'] })
})

/** The same message in records of so many bytes. */
function inRecords(bytes: Buffer, size: number): Buffer {
  const message = bytes.subarray(5)
  const records: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size)
    records.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece)
  }
  return Buffer.concat(records)
}

describe('a ClientHello', () => {
  it('tells the name and the protocols that are asked for', () => {
    expect(readClientHello(hello)).toEqual({ serverName: 'name.example', alpn: ['acme-tls/1'] })
  })

  it('may ask for neither', async () => {
    expect(readClientHello(await helloOf({}))).toEqual({ serverName: '', alpn: [] })
  })

  it('is not known before its last byte, nor is anything else said', () => {
    for (let end = 0; end < hello.length; end += 1) expect(readClientHello(hello.subarray(0, end))).toBe(null)
  })

  it.each([1, 3, 100])('may come in records of %i bytes', size => {
    expect(readClientHello(inRecords(hello, size))).toEqual({ serverName: 'name.example', alpn: ['acme-tls/1'] })
  })

  it('that does not end is looked at after each of its tiny records', () => {
    const message = Buffer.alloc(5 + 2_700)
    message.set([1, 0, 0x3f, 0xff], 5)
    const bytes = inRecords(message, 1)
    for (let end = 6; end <= bytes.length; end += 6) expect(readClientHello(bytes.subarray(0, end))).toBe(null)
  })

  it('that is none asks for nothing', () => {
    for (const text of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\x00\x04\x02\x00\x00\x00', '\x00'.repeat(100)]) {
      expect(readClientHello(Buffer.from(text, 'latin1'))).toEqual({ serverName: '', alpn: [] })
    }
  })

  it('with any byte changed is read without an exception', () => {
    for (let at = 5; at < hello.length; at += 1) {
      for (const value of [0, 1, 255]) {
        const broken = Buffer.from(hello)
        broken[at] = value
        expect(() => readClientHello(broken)).not.toThrow()
      }
    }
  })
})
