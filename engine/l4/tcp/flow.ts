/**
 * One connection of a client to a listener of TCP, and the one to an endpoint that its bytes go to and come from.
 *
 *     begin ──first bytes decide──▶ `Preread` ──▶┐
 *       └────────────────────────────────────────┴▶ choosing ──endpoint──▶ dialling ──▶ `Pipe` ──▶ ended
 *                                                    │  ▲                    │   ▲
 *                                                    ▼  │ room               ▼   │ another endpoint
 *                                                  waiting                  failed, and may be tried elsewhere; else ended
 *
 * As long as there is no pipe the client is read, up to a bound, so that its going away is seen.
 */
import { ByteBuffer } from '../../net/byte-buffer.ts'
import { type Connection, FAULT } from '../../net/connection.ts'
import { Dial, type DialOwner } from '../../net/dial.ts'
import { type Ends, endsOf, hostOf } from '../../net/ends.ts'
import { Pipe, type PipeEnd, type PipeOwner } from '../../net/pipe.ts'
import { type IntroducedClient, openingOf } from '../../net/proxy-protocol/opening.ts'
import { isShortage } from '../../net/shortage.ts'
import { FLOWS_ACTIVE, FLOWS_TOTAL } from '../../shared/state-page.ts'
import type { BalanceName } from '../../snapshot.ts'
import { BROKEN, GOOD, NOT_CONNECTED, type Outcome } from '../../upstream/health/outcome.ts'
import { QUEUE_FULL, WAITS } from '../../upstream/room.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import type { Waiter } from '../../upstream/waiting-queue.ts'
import type { FlowErrorCode } from '../errors.ts'
import type { FlowContext } from '../flow-context.ts'
import { FlowTries } from '../flow-tries.ts'
import type { FlowTry } from '../flow-try.ts'
import { MeteredPipe } from './metered-pipe.ts'
import { type Course, needsPreread, Preread, type PrereadOwner } from './preread.ts'
import { TcpFlowRecord } from './record.ts'
import type { TcpTerms } from './terms.ts'

/** Milliseconds of dialling after which it is worth a look at what the client does. */
const PATIENCE_MS = 50

/** Bytes of the client's that are held while there is no endpoint. Past it, and what the last read brought: it waits. */
const AHEAD_BYTES_MAX = 16 * 1024

/** Milliseconds between two looks at whether a client that is not read is still there. */
const WATCH_MS = 1000

export class TcpFlow implements DialOwner, PipeOwner, PrereadOwner, Waiter {
  readonly context: FlowContext
  readonly terms: TcpTerms
  readonly client: Connection
  readonly startedAtMs: number = Date.now()
  readonly #startedAt: number = performance.now()
  /** Who is at its ends; `null` where nobody has asked: of a client that is gone the system knows nothing any more. */
  #ends: Ends | null = null
  serverName = ''
  /** Agreed on with the client, or all that it offers to whoever opens its encryption; empty where that is not one. */
  #alpn = ''
  tries: FlowTries | null = null
  pipe: Pipe | null = null
  connectUs = -1
  firstByteUs = -1
  error: FlowErrorCode | '' = ''
  errorDetail = ''
  #upstream: Upstream | null = null
  /** Under way; `null` between tries, and behind the last. */
  #try: FlowTry | null = null
  #dial: Dial | null = null
  #pause: NodeJS.Timeout | null = null
  #isWaiting = false
  /** What the client has sent before there was an endpoint. */
  #ahead: ByteBuffer | null = null
  #hasEnded = false

  constructor(context: FlowContext, terms: TcpTerms, client: Connection) {
    this.context = context
    this.terms = terms
    this.client = client
  }

  /** The connection is as it will be: decrypted, if it is to be, and told of by a header of the PROXY protocol. */
  begin(): void {
    const { context, terms, client } = this
    const { counters } = context.row
    terms.generation.enter()
    counters[FLOWS_ACTIVE] = (counters[FLOWS_ACTIVE] as number) + 1
    context.net.wheel.observe(this.#startedAt)
    client.owner = this
    if (context.onFlow !== null) this.#ends = endsOf(client)
    if (client.tls !== null) {
      this.serverName = client.tls.serverName
      this.#alpn = client.tls.alpn
    }
    if (needsPreread(terms.settings)) new Preread(terms, client, this).begin()
    else this.#go(terms.settings.upstream)
  }

  // Where it goes.

  onCourse(course: Course): void {
    const { client } = this
    client.owner = this
    this.serverName = course.serverName
    if (client.tls === null && course.alpn.length === 1) this.#alpn = course.alpn[0] as string
    if (course.upstream < 0) {
      this.error = course.error === '' ? 'no_flow_route' : course.error
      client.closeLingering()
      this.#end(null)
      return
    }
    if (course.ahead !== null) this.#keep(course.ahead, 0, course.ahead.length)
    this.#go(course.upstream)
  }

  onPrereadClosed(error: string): void {
    this.#clientGone(error)
  }

  #go(index: number): void {
    const upstream = this.terms.upstreams[index]
    if (upstream === undefined) {
      this.#fail('no_flow_route')
      return
    }
    this.#upstream = upstream
    this.tries = new FlowTries(this.context, upstream, this.#key(upstream))
    const nowMs = performance.now()
    const refusal = this.tries.enter(nowMs)
    if (refusal !== '') {
      this.#fail(refusal)
      return
    }
    this.client.setDeadline(PATIENCE_MS)
    if (!upstream.room.isAwaited && this.#connect(nowMs)) return
    const mayWait = upstream.room.isAwaited || this.tries.lack === 'full'
    const code = mayWait ? this.#wait() : this.tries.codeWithout(nowMs)
    if (code !== '') this.#fail(code)
  }

  /** What balancers spread by that keep equal keys together. */
  #key({ settings }: Upstream): string {
    if (!KEYED.has(settings.balance)) return ''
    this.#ends ??= endsOf(this.client)
    return hostOf(this.#ends.client)
  }

  /** Dials an endpoint. False where there is none with room. */
  #connect(nowMs: number): boolean {
    const tries = this.tries as FlowTries
    const flowTry = tries.next(nowMs)
    if (flowTry === null) return false
    this.#try = flowTry
    const { endpoint, upstream } = flowTry
    const { client } = this
    const { net } = this.context
    const { timeouts, proxyProtocol } = upstream.settings
    const opening = proxyProtocol === null ? null : openingOf(proxyProtocol, this.#introduction())
    net.wheel.observe(nowMs)
    const peer = endpoint.flowPeer(client.tls === null ? '' : this.#alpn)
    this.#dial = new Dial(net, endpoint.address, timeouts.connectMs, this, peer, opening)
    return true
  }

  /** What an endpoint is told that asks for the PROXY protocol. */
  #introduction(): IntroducedClient {
    return { connection: this.client, serverName: this.serverName, alpn: this.#alpn, uniqueId: '' }
  }

  /** It waits for room, if it may, or has found some after all. Empty, or what the log says of it. */
  #wait(): FlowErrorCode | '' {
    const entry = (this.#upstream as Upstream).room.enter(this)
    this.#isWaiting = entry === WAITS
    if (entry === QUEUE_FULL) return 'upstream_queue_full'
    // What others kept may have been given up between the two looks.
    return entry === WAITS || this.#connect(performance.now()) ? '' : 'upstream_full'
  }

  get isChoosy(): boolean {
    return this.tries?.hasTried === true
  }

  onRoom(): boolean {
    let isOver = true
    this.client.guard(() => {
      isOver = this.#enterRoom()
    })
    return isOver
  }

  #enterRoom(): boolean {
    const tries = this.tries as FlowTries
    const { room } = this.#upstream as Upstream
    const nowMs = performance.now()
    if (!this.#connect(nowMs)) {
      if (tries.lack === 'full' && room.isWorthWaiting) return false
      this.#isWaiting = false
      this.#fail(tries.codeWithout(nowMs))
    }
    this.#isWaiting = false
    return true
  }

  onWaitTimeout(): void {
    this.#isWaiting = false
    const isPatient = this.#upstream?.room.isPatient === true
    this.client.guard(() => this.#fail(isPatient ? 'upstream_queue_timeout' : 'upstream_full'))
  }

  // The endpoint's side, until there is a pipe.

  onConnect(endpoint: Connection): void {
    this.client.guard(() => this.#connected(endpoint))
    // An exception has been in the way.
    if (this.pipe === null) endpoint.destroy()
  }

  #connected(endpoint: Connection): void {
    const flowTry = this.#try as FlowTry
    const nowMs = performance.now()
    const { context, client } = this
    this.#dial = null
    this.connectUs = flowTry.elapsedUs(nowMs)
    this.tries?.taken(this.connectUs, nowMs)
    context.net.wheel.observe(nowMs)
    const { timeouts, limits } = this.terms.settings
    const { memory } = context.net.slots
    const parts = { client, endpoint, memory, timeouts, counters: context.row.counters, owner: this }
    const isLimited = limits.uploadRate > 0 || limits.downloadRate > 0
    this.pipe = isLimited ? new MeteredPipe({ ...parts, limits }) : new Pipe(parts)
    const ahead = this.#ahead
    this.#ahead = null
    this.pipe.begin(ahead === null ? null : ahead.bytes.subarray(0, ahead.length))
  }

  onConnectError(error: string): void {
    this.#dial = null
    this.client.guard(() => this.#connectFailed(error))
  }

  #connectFailed(error: string): void {
    const nowMs = performance.now()
    const { endpoint, upstream } = this.#try as FlowTry
    const isOurs = isShortage(error, endpoint.address)
    this.errorDetail = error
    this.#endTry(isOurs ? null : NOT_CONNECTED, nowMs)
    const tries = this.tries as FlowTries
    const code = error === 'ETIMEDOUT' ? 'upstream_connect_timeout' : 'upstream_connect_failed'
    if (isOurs || !upstream.settings.retry.onConnect || !tries.mayRetry(nowMs)) {
      this.#fail(code)
      return
    }
    const pauseMs = tries.pauseMs()
    if (pauseMs > 0) this.#pause = setTimeout(() => this.client.guard(() => this.#again(code)), pauseMs)
    else this.#again(code)
  }

  /** `code` is for the log where there is nobody left to be tried. */
  #again(code: FlowErrorCode): void {
    this.#pause = null
    const tries = this.tries as FlowTries
    if (this.#connect(performance.now())) return
    const lack = tries.lack === 'full' ? this.#wait() : code
    if (lack === '') return
    tries.giveRetryBack()
    this.#fail(lack)
  }

  // The client's side, until there is a pipe.

  onRead(client: Connection, start: number, end: number): void {
    this.#keep(client.context.slots.memory, start, end)
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#ahead ??= new ByteBuffer(end - start, true)
    this.#ahead.copy(bytes, start, end)
    if (this.#ahead.length < AHEAD_BYTES_MAX) return
    this.client.pause()
    this.client.setDeadline(WATCH_MS)
  }

  /** Passed on when there is an endpoint. */
  onReadEnd(client: Connection): void {
    client.setDeadline(WATCH_MS)
  }

  onDrain(): void {}

  onDeadline(): void {
    const { client } = this
    if (client.reading) return
    const isFull = this.#ahead !== null && this.#ahead.length >= AHEAD_BYTES_MAX
    if (!isFull && !client.readEnded) client.resume()
    else if (client.isConnected()) client.setDeadline(WATCH_MS)
    else this.#clientGone('ECONNRESET')
  }

  onClose(_client: Connection, error: string): void {
    this.#clientGone(error)
  }

  #clientGone(error: string): void {
    this.error = error === FAULT ? 'internal' : 'client_closed'
    this.errorDetail = error
    this.client.destroy()
    this.#end(null)
    // Of one that did not get so far as to own its ends.
    this.pipe?.abort()
  }

  // The pipe.

  onFirstBytes(isClient: boolean): void {
    const nowMs = performance.now()
    const flowTry = this.#try as FlowTry
    this.context.net.wheel.observe(nowMs)
    if (!isClient) {
      this.firstByteUs = (nowMs - this.#startedAt) * 1000
      flowTry.answered(nowMs)
    } else if (this.firstByteUs < 0) {
      flowTry.restartClock(nowMs)
    }
  }

  /** The endpoint has kept a connection for a while: good, whether or not it was its turn to say something. */
  onSettled(): void {
    this.#try?.kept(this.pipe !== null && this.pipe.bytesIn > 0, performance.now())
  }

  onPipeEnd(end: PipeEnd, error: string): void {
    this.errorDetail = error
    this.error = error === FAULT ? 'internal' : CODES[end]
    if (end === 'whole') this.#try?.finished(performance.now())
    // One that has taken the connection and broken it before it has said anything is not well.
    this.#end(end === 'endpoint_broken' && this.firstByteUs < 0 ? BROKEN : GOOD)
  }

  // The end.

  /** Ends it: the worker's grace is over. */
  abort(): void {
    if (this.pipe !== null) this.pipe.abort()
    else this.#fail('shutdown')
  }

  /** There is no endpoint for it: RST, which the client cannot take for an answer without content. */
  #fail(code: FlowErrorCode): void {
    this.error = code
    this.client.reset()
    this.#end(null)
  }

  #endTry(outcome: Outcome | null, nowMs: number): void {
    this.#try?.end(outcome, nowMs)
    this.#try = null
  }

  /** Gives everything back. `outcome` is what health learns of a try that is under way. */
  #end(outcome: Outcome | null): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const nowMs = performance.now()
    const { context, terms, tries } = this
    const { counters } = context.row
    this.#dial?.cancel()
    if (this.#pause !== null) clearTimeout(this.#pause)
    if (this.#isWaiting) this.#upstream?.room.leave(this)
    this.#ahead = null
    this.#endTry(outcome, nowMs)
    tries?.leave()
    counters[FLOWS_ACTIVE] = (counters[FLOWS_ACTIVE] as number) - 1
    counters[FLOWS_TOTAL] = (counters[FLOWS_TOTAL] as number) + 1
    terms.generation.leave()
    if (context.onFlow === null || this.#ends === null) return
    context.onFlow(new TcpFlowRecord(this, this.#ends, (nowMs - this.#startedAt) * 1000))
  }
}

/** Balancers that go by who the client is. */
const KEYED: ReadonlySet<BalanceName> = new Set<BalanceName>(['ip_hash', 'hash', 'maglev'])

const CODES: Readonly<Record<PipeEnd, FlowErrorCode | ''>> = {
  whole: '',
  client_broken: 'client_closed',
  endpoint_broken: 'upstream_closed',
  idle: 'flow_idle_timeout',
  half_closed: 'half_close_timeout',
  aborted: 'shutdown',
}
