import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  beginsClientHello,
  CLIENT_HELLO_BYTES_MAX,
  type ClientHello,
  HelloProgress,
  readClientHello,
} from '../../../../engine/net/tls/client-hello.ts'
import { CHROMIUM_HELLO } from '../../../support/chromium-hello.ts'
import {
  ALPN,
  alpn,
  clientHello,
  encryptedHello,
  grease,
  helloMessage,
  inRecords,
  SERVER_NAME,
  serverName,
  vector,
} from '../../../support/client-hello.ts'
import { helloOf } from './secure-peers.ts'

const NOTHING: ClientHello = { serverName: '', alpn: [] }

let hello: Buffer = Buffer.alloc(0)

beforeAll(async () => {
  hello = await helloOf({ servername: 'Name.Example', ALPNProtocols: ['acme-tls/1'] })
})

/** What is said after each byte: nothing, and from some byte on always the same. */
function expectOneAnswer(bytes: Buffer): ClientHello | null {
  const whole = readClientHello(bytes)
  let known = false
  const progress = new HelloProgress()
  for (let end = 0; end <= bytes.length; end += 1) {
    const answer = readClientHello(bytes.subarray(0, end))
    if (!known) expect(readClientHello(bytes.subarray(0, end), progress)).toEqual(answer)
    known ||= answer !== null
    expect(answer).toEqual(known ? whole : null)
  }
  return whole
}

describe('a ClientHello', () => {
  it('tells the name and the protocols that are asked for', () => {
    expect(readClientHello(hello)).toEqual({ serverName: 'name.example', alpn: ['acme-tls/1'] })
  })

  it('may ask for neither', async () => {
    expect(readClientHello(await helloOf({}))).toEqual(NOTHING)
    expect(readClientHello(clientHello([]))).toEqual(NOTHING)
  })

  it('of a browser is read past what means nothing', () => {
    expect(expectOneAnswer(CHROMIUM_HELLO)).toEqual({ serverName: 'www.shop.example', alpn: ['h2', 'http/1.1'] })
  })

  it('may have extensions, protocols and versions that mean nothing', () => {
    const bytes = clientHello([grease(0), alpn('\x0a\x0a', 'h2'), grease(7, Buffer.alloc(1)), serverName('a.example')])
    expect(expectOneAnswer(bytes)).toEqual({ serverName: 'a.example', alpn: ['\x0a\x0a', 'h2'] })
  })

  it('that hides another one asks for what the outer one does', () => {
    const bytes = clientHello([encryptedHello(239), serverName('public.example'), alpn('h2')])
    expect(expectOneAnswer(bytes)).toEqual({ serverName: 'public.example', alpn: ['h2'] })
  })

  it('is not known before its last byte, nor is anything else said', () => {
    for (let end = 0; end < hello.length; end += 1) expect(readClientHello(hello.subarray(0, end))).toBe(null)
  })

  it('is known with its last byte, whatever else comes behind it', () => {
    expect(readClientHello(Buffer.concat([hello, Buffer.from('GET /')]))).toEqual(readClientHello(hello))
    const longer = inRecords(Buffer.concat([helloMessage([serverName('a.example')]), Buffer.alloc(500)]))
    expect(expectOneAnswer(longer)).toEqual({ serverName: 'a.example', alpn: [] })
  })

  it.each([1, 3, 100])('may come in records of %i bytes', recordBytes => {
    const bytes = inRecords(hello.subarray(5), { recordBytes })
    expect(expectOneAnswer(bytes)).toEqual({ serverName: 'name.example', alpn: ['acme-tls/1'] })
  })

  it.each([0, 1, 2, 3, 4])('may come in records of version 3.%i', recordVersion => {
    const bytes = clientHello([serverName('a.example')], { recordVersion })
    expect(beginsClientHello(bytes)).toBe(true)
    expect(readClientHello(bytes)?.serverName).toBe('a.example')
  })

  it.each([
    ['Shop.EXAMPLE', 'shop.example'],
    ['shop.example.', 'shop.example.'],
    ['192.0.2.7', '192.0.2.7'],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['', ''],
    ['shop\0.example', ''],
    ['shop example', ''],
    ['b\xfccher.example', ''],
    ['a'.repeat(256), ''],
  ])('that names %j asks for %j', (sent, name) => {
    expect(readClientHello(clientHello([serverName(sent), alpn('h2')]))).toEqual({ serverName: name, alpn: ['h2'] })
  })

  it.each<[string, Buffer]>([
    ['names two hosts', clientHello([serverName('a.example'), serverName('b.example')])],
    ['offers protocols twice', clientHello([alpn('h2'), alpn('http/1.1'), serverName('a.example')])],
    [
      'has two names in one extension',
      clientHello([[SERVER_NAME, vector(2, Buffer.from('\0\0\x01a\0\0\x01b', 'latin1'))]]),
    ],
    ['has more behind its list of names', clientHello([[SERVER_NAME, Buffer.from('\0\x04\0\0\x01a?', 'latin1')]])],
    ['has a list of names that is too short', clientHello([[SERVER_NAME, Buffer.from('\0\x09\0\0\x01a', 'latin1')]])],
    ['has a list of no names', clientHello([[SERVER_NAME, Buffer.from('\0\0', 'latin1')]])],
    ['offers a protocol without a name', clientHello([[ALPN, Buffer.from('\0\x04\x02h2\0', 'latin1')]])],
    ['has a list of protocols that is too short', clientHello([[ALPN, Buffer.from('\0\x04\x05h2', 'latin1')]])],
    ['ends within its random value', inRecords(Buffer.concat([Buffer.from([1, 0, 0, 20]), Buffer.alloc(20)]))],
    ['has more behind its extensions', inRecords(withMessageByte(helloMessage([serverName('a.example')])))],
  ])('that %s is broken, and asks for nothing', (_, bytes) => {
    expect(expectOneAnswer(bytes)).toEqual(NOTHING)
  })

  it('without a word about extensions asks for nothing', () => {
    const message = helloMessage([])
    const bare = message.subarray(0, -2)
    bare.writeUIntBE(bare.length - 4, 1, 3)
    expect(readClientHello(inRecords(bare))).toEqual(NOTHING)
  })

  it('that does not end is looked at after each of its tiny records', () => {
    const message = Buffer.alloc(2_700)
    message.set([1, 0, 0x3f, 0xf0])
    const bytes = inRecords(message, { recordBytes: 1 })
    for (let end = 6; end <= bytes.length; end += 6) {
      expect(readClientHello(bytes.subarray(0, end))).toEqual(end < CLIENT_HELLO_BYTES_MAX ? null : NOTHING)
    }
  })

  it('that would be longer than the bound is given up as soon as it says so', () => {
    const message = Buffer.alloc(4)
    message.writeUInt32BE(0x01000000 + CLIENT_HELLO_BYTES_MAX)
    expect(readClientHello(inRecords(message))).toEqual(NOTHING)
  })

  it.each([-1, 0, 1])('of the bound and %i bytes is read, or not, however much comes at once', more => {
    const padding = CLIENT_HELLO_BYTES_MAX - clientHello([serverName('a.example'), [21, Buffer.alloc(0)]]).length
    const bytes = clientHello([serverName('a.example'), [21, Buffer.alloc(padding + more)]])
    expect(bytes.length).toBe(CLIENT_HELLO_BYTES_MAX + more)
    const name = more > 0 ? '' : 'a.example'
    expect(readClientHello(bytes)?.serverName).toBe(name)
    expect(readClientHello(Buffer.concat([bytes, Buffer.alloc(1000)]))?.serverName).toBe(name)
  })

  it.each([
    ['a request', 'GET / HTTP/1.1\r\n\r\n'],
    ['another message', '\x16\x03\x01\x00\x04\x02\x00\x00\x00'],
    ['zeroes', '\x00'.repeat(100)],
    ['a hello of SSL 2.0', '\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10'],
    ['an empty record', '\x16\x03\x01\x00\x00\x16\x03\x01'],
    ['a record that is too long', '\x16\x03\x01\x40\x01\x01\x00'],
    ['encrypted bytes', '\x17\x03\x03\x00\x10\x01\x00'],
  ])('is not what %s are', (_, text) => {
    const bytes = Buffer.from(text, 'latin1')
    expect(expectOneAnswer(bytes)).toEqual(NOTHING)
    expect(beginsClientHello(bytes)).toBe(false)
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

  it('is not looked through again up to where somebody has come', () => {
    const bytes = clientHello([serverName('a.example'), alpn('h2')], { recordBytes: 1 })
    const progress = new HelloProgress()
    for (let end = 1; end < bytes.length; end += 1) {
      expect(readClientHello(bytes.subarray(0, end), progress)).toBe(null)
      // Six bytes a record.
      expect(progress).toMatchObject({ at: end - (end % 6), length: Math.floor(end / 6) })
    }
    expect(readClientHello(bytes, progress)).toEqual({ serverName: 'a.example', alpn: ['h2'] })
  })

  it('is read the same wherever segments and records begin, broken or not', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 })
    const names = fc.stringMatching(/^[a-z.]{0,20}$/)
    fc.assert(
      fc.property(names, fc.integer({ min: 1, max: 400 }), damage, fc.nat(), (name, recordBytes, changes, cut) => {
        const bytes = clientHello([grease(3), serverName(name), alpn('h2', 'x')], { recordBytes })
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        const whole = readClientHello(bytes)
        const before = readClientHello(bytes.subarray(0, cut % bytes.length))
        if (before !== null) expect(before).toEqual(whole)
        const progress = new HelloProgress()
        readClientHello(bytes.subarray(0, cut % bytes.length), progress)
        if (before === null) expect(readClientHello(bytes, progress)).toEqual(whole)
        if (changes.length === 0) expect(whole).toEqual({ serverName: name, alpn: ['h2', 'x'] })
      }),
      { numRuns: 500 },
    )
  })
})

/** With a byte of the message's behind its extensions. */
function withMessageByte(message: Buffer): Buffer {
  const longer = Buffer.concat([message, Buffer.alloc(1)])
  longer.writeUIntBE(longer.length - 4, 1, 3)
  return longer
}
