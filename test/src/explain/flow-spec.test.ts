import { expect, test } from 'vitest'
import { isFlowDescription, isFlowUrl, readFlowDescription } from '../../../src/explain/flow-spec.ts'

test('a handshake asks for the host of its URL, at port 443 unless another is written', () => {
  expect(readFlowDescription({ url: 'tls://DB.example.com', alpn: ['h2'] })).toEqual({
    transport: 'tcp',
    port: 443,
    listener: '',
    from: '127.0.0.1',
    begins: 'tls',
    serverName: 'db.example.com',
    alpn: ['h2'],
  })
  expect(readFlowDescription({ url: 'tls://[::1]:9443' })).toMatchObject({ port: 9443, serverName: '' })
  expect(readFlowDescription({ url: 'tls://192.0.2.1' })).toMatchObject({ serverName: '' })
})

test('of a connection or a datagram nothing but the port is known', () => {
  expect(readFlowDescription({ url: 'tcp://localhost:25' })).toMatchObject({
    transport: 'tcp',
    port: 25,
    begins: 'none',
  })
  expect(readFlowDescription({ url: 'udp://:53', from: '::1' })).toMatchObject({
    transport: 'udp',
    port: 53,
    from: '::1',
  })
})

test.each([
  [{ url: 'tcp://localhost' }, 'has no port'],
  [{ url: 'tls://a/b' }, 'is not like tls://'],
  [{ url: 'tcp://:5432', alpn: ['h2'] }, 'only tls:// has ALPN'],
  [{ url: 'tcp://:5432', from: 'here' }, '"here" is not an IP address'],
])('%j is refused', (description, message) => {
  expect(() => readFlowDescription(description)).toThrow(message)
})

test('what is none is known by its URL', () => {
  expect(['tls://a', 'TCP://:1', 'udp://:1', 'http://a', 'GET tcp://a'].filter(isFlowUrl)).toEqual([
    'tls://a',
    'TCP://:1',
    'udp://:1',
  ])
  expect(isFlowDescription({ url: 'udp://:1' })).toBe(true)
  expect(isFlowDescription({ url: 'http://a/' })).toBe(false)
  expect(isFlowDescription(null)).toBe(false)
})
