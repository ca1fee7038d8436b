import { afterEach, describe, expect, it } from 'vitest'
import { FIRST_BYTES_MAX } from '../../../../engine/l4/tcp/first-bytes.ts'
import { type Course, needsPreread, Preread, type PrereadOwner } from '../../../../engine/l4/tcp/preread.ts'
import { TcpTerms } from '../../../../engine/l4/tcp/terms.ts'
import type { Connection } from '../../../../engine/net/connection.ts'
import type { StreamHandle } from '../../../../engine/net/handles.ts'
import { CHROMIUM_HELLO } from '../../../support/chromium-hello.ts'
import { alpn, clientHello, serverName } from '../../../support/client-hello.ts'
import { type RawClient, rawClient } from '../../../support/raw-client.ts'
import { type TestTcpListener, tcpListenerSnapshot } from '../../../support/snapshot.ts'
import { turns } from '../../../support/turns.ts'
import { waitFor } from '../../../support/wait-for.ts'
import { acceptOn, TestNet } from '../../net/sockets.ts'
import { acceptSecure, secureClient, testTls } from '../../net/tls/secure-peers.ts'

const DEADLINE_MS = 3_000

/** Upstreams of the test: what each of them stands for is its place. */
const [ELSE, HTTP, PROXY, TLS, SHOP, H2] = [0, 1, 2, 3, 4, 5]

const ROUTED: TestTcpListener = {
  upstream: ELSE,
  firstBytes: { http: HTTP, proxy: PROXY, tls: TLS },
  serverNames: [
    { names: ['*.shop.example'], alpn: [], upstream: SHOP },
    { names: ['h2.example'], alpn: ['h2'], upstream: H2 },
  ],
  timeouts: { firstBytesMs: DEADLINE_MS },
}

/** Notes what the beginning of a flow has come to. */
class Beginning implements PrereadOwner {
  readonly courses: Course[] = []
  readonly errors: string[] = []
  aborted = 0

  onCourse(course: Course): void {
    this.courses.push(course)
  }

  onPrereadClosed(error: string): void {
    this.errors.push(error)
  }

  abort(): void {
    this.aborted += 1
  }

  get isOver(): boolean {
    return this.courses.length + this.errors.length > 0
  }
}

interface Scene extends AsyncDisposable {
  readonly net: TestNet
  readonly client: RawClient
  readonly connection: Connection
  readonly preread: Preread
  readonly flow: Beginning
  /** Bytes that have come. */
  readonly read: number
  /** Once it is decided. */
  course(): Promise<Course>
}

function termsOf(listener: TestTcpListener): TcpTerms {
  return new TcpTerms(tcpListenerSnapshot(listener, 0), { enter() {}, leave() {} }, [])
}

/** One connection, which waits for its first bytes. */
async function openScene(listener: TestTcpListener = ROUTED): Promise<Scene> {
  const net = new TestNet()
  const acceptor = await acceptOn(net)
  const client = await rawClient(acceptor.address, { halfOpen: true })
  await waitFor(() => acceptor.connections.length === 1)
  const connection = acceptor.connections[0]!
  const flow = new Beginning()
  const preread = new Preread(termsOf(listener), connection, flow)
  preread.begin()
  return {
    net,
    client,
    connection,
    preread,
    flow,
    get read() {
      return (connection.handle as StreamHandle & { readonly bytesRead: number }).bytesRead
    },
    async course() {
      await waitFor(() => flow.isOver)
      expect(flow.errors).toEqual([])
      return flow.courses[0]!
    },
    async [Symbol.asyncDispose]() {
      client.close()
      await acceptor[Symbol.asyncDispose]()
      expect(net.faults).toEqual([])
      expect(net.wheel.hanging).toBe(0)
    },
  }
}

const SHOP_HELLO = clientHello([serverName('WWW.Shop.Example.'), alpn('h2', 'http/1.1')])
const GET = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')

describe('the beginning of a flow', () => {
  it('is needed only where something of it decides', () => {
    const plain = tcpListenerSnapshot({}, 0)
    expect(needsPreread(plain)).toBe(false)
    expect(needsPreread(tcpListenerSnapshot({ serverNames: [{ names: ['*'], alpn: [], upstream: 0 }] }, 0))).toBe(true)
    for (const kind of ['http', 'proxy', 'tls']) {
      expect(needsPreread(tcpListenerSnapshot({ firstBytes: { [kind]: 0 } }, 0))).toBe(true)
    }
  })

  it.each<[string, Buffer, Partial<Course>]>([
    ['a request', GET, { upstream: HTTP, kind: 'http' }],
    ['a header of the PROXY protocol', Buffer.from('PROXY UNKNOWN\r\nGET /'), { upstream: PROXY, kind: 'proxy' }],
    [
      'a handshake with a known name',
      SHOP_HELLO,
      { upstream: SHOP, kind: 'tls', serverName: 'www.shop.example.', alpn: ['h2', 'http/1.1'] },
    ],
    [
      'a handshake with a known name and protocol',
      clientHello([serverName('h2.example'), alpn('h2')]),
      { upstream: H2, kind: 'tls' },
    ],
    [
      'a handshake with a known name for another protocol',
      clientHello([serverName('h2.example')]),
      { upstream: TLS, kind: 'tls', serverName: 'h2.example' },
    ],
    ['a handshake without a name', clientHello([]), { upstream: TLS, kind: 'tls', serverName: '', alpn: [] }],
    ["a browser's handshake", CHROMIUM_HELLO, { upstream: SHOP, kind: 'tls', serverName: 'www.shop.example' }],
    [
      'a handshake that is broken',
      Buffer.from('\x16\x03\x01\0\x04\x01\0\0\0', 'latin1'),
      { upstream: TLS, kind: 'tls', serverName: '' },
    ],
    ['anything else', Buffer.from('SSH-2.0-client\r\n'), { upstream: ELSE, kind: 'other', serverName: '' }],
  ])('that is %s says where it goes, and goes on as it came', async (_, bytes, expected) => {
    await using scene = await openScene()
    await scene.client.send(bytes)
    const course = await scene.course()
    expect(course).toMatchObject({ ...expected, error: '' })
    expect(course.ahead?.equals(bytes)).toBe(true)
    expect(scene.connection.reading).toBe(false)
    scene.net.pass(2 * DEADLINE_MS)
    expect(scene.flow.courses.length).toBe(1)
  })

  it.each<[string, Buffer, number]>([
    ['a request', GET, HTTP],
    ['a handshake', SHOP_HELLO, SHOP],
    ['a handshake in records of a byte', clientHello([serverName('a.shop.example')], { recordBytes: 1 }), SHOP],
  ])('that is %s may come byte by byte', async (_, bytes, upstream) => {
    await using scene = await openScene()
    const offsets = Array.from({ length: bytes.length }, (__, index) => index)
    await scene.client.sendSplit(bytes.subarray(0, 900), offsets)
    await scene.client.send(bytes.subarray(900))
    const course = await scene.course()
    expect(course.upstream).toBe(upstream)
    const { ahead } = course
    // What came after the decision is still the connection's to read.
    expect(bytes.subarray(0, ahead!.length).equals(ahead!)).toBe(true)
  })

  it('that never comes leads past the deadline to the upstream for the rest', async () => {
    await using scene = await openScene()
    scene.net.pass(DEADLINE_MS - 100)
    expect(scene.flow.isOver).toBe(false)
    scene.net.pass(300)
    expect(await scene.course()).toEqual({
      upstream: ELSE,
      kind: 'none',
      serverName: '',
      alpn: [],
      ahead: null,
      error: '',
    })
    expect(scene.connection.closed).toBe(false)
  })

  it('that comes too slowly is judged past the deadline by what has come: bytes do not put it off', async () => {
    await using scene = await openScene()
    for (const [at, byte] of [...SHOP_HELLO.subarray(0, 30)].entries()) {
      await scene.client.send(Buffer.from([byte]))
      await waitFor(() => scene.read === at + 1)
      if (at < 25) scene.net.pass(100)
    }
    scene.net.pass(1_000)
    const course = await scene.course()
    expect(course).toMatchObject({ upstream: TLS, kind: 'tls', serverName: '', error: '' })
    expect(course.ahead).toEqual(SHOP_HELLO.subarray(0, 30))
  })

  it('without an upstream for what has said nothing tells why nobody takes it', async () => {
    await using scene = await openScene({ ...ROUTED, upstream: -1 })
    scene.net.pass(2 * DEADLINE_MS)
    expect(await scene.course()).toMatchObject({ upstream: -1, kind: 'none', error: 'first_bytes_timeout' })
  })

  it('that nobody takes is told so in the words of TLS, if it is a handshake', async () => {
    await using scene = await openScene({ ...ROUTED, upstream: -1, firstBytes: { http: HTTP } })
    await scene.client.send(clientHello([serverName('other.example')]))
    expect(await scene.course()).toMatchObject({ upstream: -1, serverName: 'other.example', error: 'no_flow_route' })
    await scene.client.readUntil(unread => unread.equals(Buffer.from([21, 3, 3, 0, 2, 2, 112])))
  })

  it('that nobody takes, and is no handshake, is told nothing', async () => {
    await using scene = await openScene({ ...ROUTED, upstream: -1 })
    await scene.client.send('SSH-2.0-client\r\n')
    expect(await scene.course()).toMatchObject({ upstream: -1, kind: 'other', error: 'no_flow_route' })
    expect(scene.client.received.length).toBe(0)
  })

  it('that ends with FIN is judged by what has come', async () => {
    for (const [bytes, expected] of [
      ['', { upstream: ELSE, kind: 'none', ahead: null }],
      ['GET /', { upstream: ELSE, kind: 'none', ahead: Buffer.from('GET /') }],
      [SHOP_HELLO.subarray(0, 50), { upstream: TLS, kind: 'tls', ahead: SHOP_HELLO.subarray(0, 50) }],
    ] as const) {
      await using scene = await openScene()
      if (bytes.length > 0) await scene.client.send(bytes)
      scene.client.end()
      expect(await scene.course()).toMatchObject(expected)
      expect(scene.connection.readEnded).toBe(true)
    }
  })

  it('that ends with RST is over', async () => {
    await using scene = await openScene()
    await scene.client.send('GET /')
    scene.client.reset()
    await waitFor(() => scene.flow.isOver)
    expect(scene.flow).toMatchObject({ courses: [], errors: ['ECONNRESET'] })
  })

  it('is looked at up to a bound', async () => {
    await using scene = await openScene()
    const bytes = Buffer.alloc(FIRST_BYTES_MAX, 'A')
    await scene.client.send(bytes.subarray(1))
    await waitFor(() => scene.read === FIRST_BYTES_MAX - 1)
    await turns()
    expect(scene.flow.isOver).toBe(false)
    await scene.client.send('A')
    expect(await scene.course()).toMatchObject({ upstream: ELSE, kind: 'other', ahead: bytes })
  })

  it('tells the flow when the grace of the worker is over', async () => {
    await using scene = await openScene()
    scene.preread.abort()
    expect(scene.flow.aborted).toBe(1)
  })
})

describe('the beginning of a flow that is decrypted here', () => {
  const cleanups: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup()
  })

  async function courseOf(
    listener: TestTcpListener,
    asked: { servername?: string; ALPNProtocols?: string[] },
    sent: string | Buffer,
  ) {
    const net = new TestNet()
    const acceptor = await acceptSecure(net, await testTls({ alpn: ['h2', 'x'] }))
    const client = await secureClient({ port: acceptor.port, rejectUnauthorized: false, ...asked })
    client.on('error', () => undefined)
    cleanups.push(async () => {
      client.destroy()
      await acceptor[Symbol.asyncDispose]()
    })
    await waitFor(() => acceptor.connections.length === 1)
    const flow = new Beginning()
    new Preread(termsOf({ ...listener, tls: await testTls() }), acceptor.connections[0]!, flow).begin()
    if (sent.length > 0) client.write(sent)
    await waitFor(() => flow.isOver)
    return flow.courses[0]!
  }

  it('goes by the name and the protocol that the handshake has come to, without a byte more', async () => {
    expect(await courseOf(ROUTED, { servername: 'A.Shop.example', ALPNProtocols: ['x'] }, '')).toEqual({
      upstream: SHOP,
      kind: 'none',
      serverName: 'a.shop.example',
      alpn: ['x'],
      ahead: null,
      error: '',
    })
    expect((await courseOf(ROUTED, { servername: 'h2.example', ALPNProtocols: ['h2'] }, '')).upstream).toBe(H2)
  })

  it('waits for nothing where nothing but names decides', async () => {
    const { serverNames } = ROUTED
    expect(
      await courseOf({ upstream: ELSE, serverNames: serverNames ?? [] }, { servername: 'b.example' }, ''),
    ).toMatchObject({
      upstream: ELSE,
      serverName: 'b.example',
      error: '',
    })
  })

  it('goes by what was within, where no name takes it', async () => {
    const course = await courseOf(ROUTED, { servername: 'b.example' }, 'GET / HTTP/1.1\r\n')
    expect(course).toMatchObject({ upstream: HTTP, kind: 'http', serverName: 'b.example' })
    expect(course.ahead?.toString()).toBe('GET / HTTP/1.1\r\n')
  })

  it('asks for no name twice: of a handshake within only the kind counts', async () => {
    const course = await courseOf(ROUTED, { servername: 'b.example' }, SHOP_HELLO)
    expect(course).toMatchObject({ kind: 'tls', upstream: TLS, serverName: 'b.example' })
  })
})
