/**
 * The handshakes of a listener: so many at once, others wait unread, and each has its deadline from when it was accepted. While
 * others wait, one that takes its time has to go: sockets that say nothing cost an attacker nothing.
 *
 *     waiting ──room──▶ hello (where the client's first message has to be looked at: see `begin`)
 *        │                │
 *        │                ▼
 *        │             handshake ──▶ secure: the owner has the connection
 *        └── deadline, error, crowded out ──▶ closed, and the owner told
 */
import type { Connection, ConnectionOwner } from '../connection.ts'
import { endsOf, hostOf } from '../ends.ts'
import type { SecureContext } from '../handles.ts'
import { Timer, type TimerTarget } from '../timer-wheel.ts'
import { type ClientHello, HelloProgress, readClientHello } from './client-hello.ts'
import { tlsLibrary } from './load.ts'
import { alpnWire } from './protocols.ts'
import type { ServerTls } from './server-tls.ts'
import { type HandshakeListener, TlsConnection } from './tls-connection.ts'

/** A certificate that shows an authority that a name leads here (RFC 8737). PEM. */
export interface ChallengeCertificate {
  readonly chain: string
  readonly key: string
}

export interface HandshakesOwner {
  /** What connections are encrypted by that come now. */
  tls: ServerTls
  /** By name, while authorities find out whether names lead here; else `null`. */
  readonly challenges: ReadonlyMap<string, ChallengeCertificate> | null
  onSecure(connection: TlsConnection): void
  /** `client` is its address; `error` is OpenSSL's name or the system's, `HANDSHAKE_TIMEOUT` past the deadline. */
  onHandshakeFailed(client: string, error: string, detail: string): void
}

export const HANDSHAKE_TIMEOUT = 'ERR_TLS_HANDSHAKE_TIMEOUT'

/** What a handshake ends with that has to go because others wait. */
export const HANDSHAKE_CROWDED_OUT = 'ERR_TLS_HANDSHAKE_CROWDED_OUT'

/** Milliseconds that a handshake has while others wait; past it, it goes as soon as its room is needed. One takes a round trip or two. */
const CROWDED_MS = 1000

const ACME_PROTOCOL = 'acme-tls/1'

/** OpenSSL's name for what begins with `GET`, `HEAD`, `POST` or `PUT`. */
const HTTP_REQUEST = 'ERR_SSL_HTTP_REQUEST'

const PLAIN_TEXT = 'a plain HTTP request was sent to a port that speaks HTTPS\n'

/** For people who have typed http for https: a connection that just ends would tell them nothing. */
const PLAIN_ANSWER = Buffer.from(
  `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${PLAIN_TEXT.length}\r\nConnection: close\r\n\r\n${PLAIN_TEXT}`,
)

export class Handshakes {
  readonly owner: HandshakesOwner
  #underWay = 0
  /** Those under way that have had their time, if others wait: the oldest first. */
  readonly #slow = new Set<Handshake>()
  /** In the order in which they have come. */
  readonly #waiting = new Set<Handshake>()
  #isBeginning = false
  #isScheduled = false

  constructor(owner: HandshakesOwner) {
    this.owner = owner
  }

  get underWay(): number {
    return this.#underWay
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * `received` is what has been read of it already, if anything. Gives the connection that stands for it: another one where the
   * handshake begins at once.
   */
  accept(connection: Connection, received: Buffer | null = null): Connection {
    const handshake = new Handshake(this, connection, received)
    if (this.#isFull) this.#crowdOut()
    if (this.#isFull) this.#waiting.add(handshake)
    else this.#begin(handshake)
    return handshake.connection
  }

  get #isFull(): boolean {
    return this.#underWay >= this.owner.tls.settings.handshakesMax
  }

  #crowdOut(): void {
    const [slow] = this.#slow
    if (slow !== undefined) slow.crowdOut()
  }

  #begin(handshake: Handshake): void {
    this.#underWay += 1
    this.#isBeginning = true
    handshake.connection.guard(() => handshake.begin())
    this.#isBeginning = false
  }

  /** As many as there is room for: those of them that end as they begin make room for another turn of the loop. */
  #beginWaiting(): void {
    for (let room = this.owner.tls.settings.handshakesMax - this.#underWay; room > 0; room -= 1) {
      const [next] = this.#waiting
      if (next === undefined) return
      this.#waiting.delete(next)
      this.#begin(next)
    }
  }

  /** What came with a header of the PROXY protocol may be the end of it at once: never one within another, however many wait. */
  #beginWaitingLater(): void {
    if (this.#isScheduled || this.#waiting.size === 0) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#beginWaiting()
    })
  }

  /** @internal It takes its time. */
  slow(handshake: Handshake): void {
    this.#slow.add(handshake)
    if (this.#waiting.size > 0) this.#crowdOut()
  }

  /** @internal */
  ended(handshake: Handshake): void {
    if (this.#waiting.delete(handshake)) return
    this.#slow.delete(handshake)
    this.#underWay -= 1
    if (this.#isBeginning) this.#beginWaitingLater()
    else this.#beginWaiting()
  }
}

class Handshake implements ConnectionOwner, HandshakeListener, TimerTarget {
  readonly #all: Handshakes
  readonly #timer: Timer
  /** What the client has sent so far, where that is looked at, or was read before. */
  #received: Buffer | null
  /** What clients are checked by; `null` for an authority that challenges us. */
  #tls: ServerTls | null = null
  readonly #helloProgress = new HelloProgress()
  #ended = false
  /** When it counts as slow, from its beginning. */
  readonly #patience: Timer
  connection: Connection

  constructor(all: Handshakes, connection: Connection, received: Buffer | null) {
    this.#all = all
    this.connection = connection
    this.#received = received
    this.#timer = new Timer(this)
    this.#patience = new Timer({ onDeadline: () => this.#all.slow(this) })
    connection.owner = this
    // As long as it has to wait.
    connection.pause()
    const { wheel } = connection.context
    wheel.refresh()
    wheel.set(this.#timer, all.owner.tls.settings.handshakeMs)
  }

  /** OpenSSL tells of the name too late for certificates side by side, and of the protocols too late for authorities. */
  begin(): void {
    if (this.#isForgotten()) return
    this.connection.context.wheel.set(this.#patience, CROWDED_MS)
    const { tls, challenges } = this.#all.owner
    if (challenges === null && !tls.readsHello) this.#encrypt(tls, tls.base)
    else if (this.#received !== null) this.#readHello(this.#received)
    else this.connection.resume()
  }

  onRead(connection: Connection, start: number, end: number): void {
    const bytes = connection.context.slots.memory.subarray(start, end)
    this.#readHello(this.#received === null ? Buffer.from(bytes) : Buffer.concat([this.#received, bytes]))
  }

  /** Its first message, where it is looked at. */
  #readHello(received: Buffer): void {
    this.#received = received
    const hello = readClientHello(received, this.#helloProgress)
    if (hello === null) {
      this.connection.resume()
      return
    }
    const { tls } = this.#all.owner
    const challenge = this.#challengeOf(hello)
    if (challenge !== null) this.#answerChallenge(challenge)
    else this.#encrypt(tls, tls.contextFor(hello.serverName))
  }

  #challengeOf({ alpn, serverName }: ClientHello): ChallengeCertificate | null {
    if (alpn.length !== 1 || alpn[0] !== ACME_PROTOCOL) return null
    return this.#all.owner.challenges?.get(serverName) ?? null
  }

  #encrypt(tls: ServerTls, context: SecureContext): void {
    const secure = this.#wrap(context)
    this.#tls = tls
    tls.prepare(secure, context)
    secure.begin(this.#received)
  }

  /** With that certificate alone, for that protocol alone (RFC 8737, section 3). */
  #answerChallenge({ chain, key }: ChallengeCertificate): void {
    const { context } = tlsLibrary().tls.createSecureContext({ cert: chain, key, ca: [] })
    const secure = this.#wrap(context as SecureContext)
    secure.handle.setALPNProtocols(alpnWire([ACME_PROTOCOL]))
    secure.begin(this.#received)
  }

  #wrap(context: SecureContext): TlsConnection {
    const secure = this.connection.replace(
      socket => new TlsConnection(this.connection.context, socket, context, true, this),
    )
    this.connection = secure
    return secure
  }

  check(connection: TlsConnection): string {
    return this.#tls === null ? '' : this.#tls.check(connection)
  }

  onSecure(connection: TlsConnection): void {
    this.#end()
    if (this.#tls === null) connection.destroy()
    else this.#all.owner.onSecure(connection)
  }

  onHandshakeFailed(connection: TlsConnection, error: string, detail: string): void {
    if (error === HTTP_REQUEST) connection.writePlain(PLAIN_ANSWER)
    this.#failed(error, detail)
  }

  /** Somebody has closed its connection over it. */
  #isForgotten(): boolean {
    if (this.connection.closed) this.#end()
    return this.#ended
  }

  onDeadline(): void {
    if (this.#isForgotten()) return
    this.#failed(HANDSHAKE_TIMEOUT, 'the client took too long')
    this.connection.destroy()
  }

  /** Others wait, and it has had longer than most take. */
  crowdOut(): void {
    if (this.#isForgotten()) return
    this.#failed(HANDSHAKE_CROWDED_OUT, 'the client took its time while others waited')
    this.connection.destroy()
  }

  onReadEnd(connection: Connection): void {
    this.#failed('ECONNRESET', 'the peer closed the connection')
    connection.destroy()
  }

  onDrain(): void {}

  onClose(_connection: Connection, error: string): void {
    this.#failed(error, 'the peer closed the connection')
  }

  #failed(error: string, detail: string): void {
    if (this.#ended) return
    const { client } = endsOf(this.connection)
    this.#end()
    this.#all.owner.onHandshakeFailed(client === null ? '' : hostOf(client), error, detail)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    const { wheel } = this.connection.context
    wheel.clear(this.#timer)
    wheel.clear(this.#patience)
    this.#all.ended(this)
  }
}
