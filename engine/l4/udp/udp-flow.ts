/**
 * The datagrams of one client's address and port, and the socket to the endpoint that they go to.
 *
 *     begin ──▶ choosing ──endpoint──▶ open ──idle, all answers, evicted, error──▶ ended
 *                │  ▲                  │  ▲
 *                ▼  │ room             ▼  │ another endpoint, as long as nothing has come back
 *              waiting              unreachable; else ended
 *
 * An endpoint shows that it is not there by ICMP alone, which the system tells of with the next call. So what was sent is kept for a
 * moment, to be sent to another one.
 */
import { hostOf } from '../../net/ends.ts'
import { errorName } from '../../net/handles.ts'
import type { ProxyHeader } from '../../net/proxy-protocol/header.ts'
import { datagramOpeningOf } from '../../net/proxy-protocol/opening.ts'
import { isShortage } from '../../net/shortage.ts'
import { Timer, type TimerTarget } from '../../net/timer-wheel.ts'
import type { DatagramSource } from '../../net/udp-handles.ts'
import { DROPPED, SENT, UdpSocket, type UdpSocketOwner } from '../../net/udp-socket.ts'
import { SKEW_MS, stampOf, until } from '../../shared/clock.ts'
import { ADMIN_DOWN, ADMIN_STATE, ANSWERED_AT, CHECK_HEALTHY, CHECK_STATE } from '../../shared/endpoint-cells.ts'
import { BYTES_IN, BYTES_OUT, DATAGRAMS_DROPPED } from '../../shared/state-page.ts'
import type { Address } from '../../snapshot.ts'
import type { Endpoint } from '../../upstream/endpoint.ts'
import { GOOD, LATE, NOT_CONNECTED } from '../../upstream/health/outcome.ts'
import { QUEUE_FULL, WAITS } from '../../upstream/room.ts'
import type { Waiter } from '../../upstream/waiting-queue.ts'
import type { FlowErrorCode } from '../errors.ts'
import type { FlowContext } from '../flow-context.ts'
import { FlowTries } from '../flow-tries.ts'
import type { FlowTry } from '../flow-try.ts'
import { TableEntry } from './flow-table.ts'
import { UdpFlowRecord } from './record.ts'
import type { UdpTerms } from './terms.ts'
import type { Stranger, UdpPort } from './udp-port.ts'

/** Datagrams that are kept as long as no endpoint has answered, and their bytes; the first may be larger. Past it: kept no more. */
const KEPT_MAX = 8
const KEPT_BYTES_MAX = 4096

/** Milliseconds for which they are. What was sent longer ago has most likely arrived, and would arrive twice. */
const KEPT_MS = 1000

export interface UdpFlowOwner {
  readonly context: FlowContext
  /** There is no socket left for it: gives another flow up. False where there is none. */
  makeWay(flow: UdpFlow): boolean
  onFlowEnd(flow: UdpFlow): void
}

export class UdpFlow extends TableEntry implements UdpSocketOwner, TimerTarget, Waiter {
  readonly owner: UdpFlowOwner
  readonly #context: FlowContext
  readonly #port: UdpPort
  readonly #counters: Float64Array
  readonly terms: UdpTerms
  readonly client: Address
  readonly source: DatagramSource
  readonly header: ProxyHeader | null
  readonly tries: FlowTries
  /** It counts in `Intake` until it ends. */
  isCounted: boolean
  /** `performance.now()`, as those below; 0 before. */
  readonly startedAt: number
  answeredAt = 0
  bytesIn = 0
  bytesOut = 0
  datagramsIn = 0
  datagramsOut = 0
  error: FlowErrorCode | '' = ''
  errorDetail = ''
  readonly #timer: Timer
  #socket: UdpSocket | null = null
  /** The one that the socket is for. */
  #endpoint: Endpoint | null = null
  /** What stands in front of each datagram to the endpoint; `null` for nothing. */
  #opening: Buffer | null = null
  /** Datagrams that the endpoint was sent, and those that have come from it. */
  #asked = 0
  #answers = 0
  /** What may have to be sent to another endpoint, or waits for one; `null` once that is over. */
  #kept: Buffer[] | null = []
  #keptBytes = 0
  /** Cells of the endpoint; -1 for one that was chosen although it is down. */
  #cells = -1
  /** The endpoint is to show whether it is back, and need not answer: what is not refused has to do for that. */
  #isBlindTest = false
  #pause: NodeJS.Timeout | null = null
  #isWaiting = false
  #hasEnded = false

  constructor(owner: UdpFlowOwner, port: UdpPort, terms: UdpTerms, stranger: Stranger, isCounted: boolean) {
    super(stranger.address, stranger.port)
    const { context } = owner
    this.owner = owner
    this.#context = context
    this.#port = port
    this.#counters = context.row.counters
    this.terms = terms
    this.client = stranger.client
    this.source = stranger.source
    this.header = stranger.header
    this.isCounted = isCounted
    this.startedAt = performance.now()
    this.#timer = new Timer(this)
    this.tries = new FlowTries(context, terms.upstream, terms.isKeyed ? hostOf(stranger.client) : '')
  }

  /** Its endpoint is down by now, by its checks or by order: the next datagram begins another flow. @hotpath */
  get isStranded(): boolean {
    const at = this.#cells
    if (at < 0) return false
    const { endpointCells } = this.#context.shared.page
    return endpointCells[at + CHECK_STATE] !== CHECK_HEALTHY || endpointCells[at + ADMIN_STATE] === ADMIN_DOWN
  }

  // The client's side.

  /** Its first datagram has come, and it has its place in the table. */
  begin(bytes: Buffer): void {
    this.#context.net.wheel.observe(this.startedAt)
    try {
      this.#took(bytes)
      this.#keep(bytes)
      this.#choose()
    } catch (error) {
      this.#fault(error)
    }
  }

  #choose(): void {
    const { tries } = this
    const { room } = this.terms.upstream
    const refusal = tries.enter(this.startedAt)
    if (refusal !== '') this.end(refusal)
    else if (room.isAwaited) this.#wait('no_endpoint')
    else if (!this.#launch(this.startedAt)) this.#without('', this.startedAt)
  }

  /** A datagram has come from the client. @hotpath */
  receive(bytes: Buffer): void {
    try {
      this.#took(bytes)
      if (this.answeredAt > 0 && !this.isAssured) this.#port.flows.assure(this)
      if (this.#socket !== null) this.#forward(this.#socket, bytes)
      else if (!this.#keep(bytes)) this.#drop()
    } catch (error) {
      this.#fault(error)
    }
  }

  /** @hotpath */
  #took(bytes: Buffer): void {
    const { length } = bytes
    const counters = this.#counters
    this.datagramsIn += 1
    this.bytesIn += length
    counters[BYTES_IN] = (counters[BYTES_IN] as number) + length
    this.#port.flows.touch(this)
    // Nobody may be there any more, and nobody say so: then only what comes back keeps the flow there.
    if (this.#endpoint?.isGone !== true) this.#prolong()
  }

  /** @hotpath */
  #prolong(): void {
    this.#context.net.wheel.set(this.#timer, this.terms.settings.idleMs)
  }

  /** False where there is no room for it. */
  #keep(bytes: Buffer): boolean {
    const kept = this.#kept
    if (kept === null) return false
    const hasRoom = kept.length < KEPT_MAX && this.#keptBytes + bytes.length <= KEPT_BYTES_MAX
    if (!hasRoom && kept.length > 0) return false
    kept.push(bytes)
    this.#keptBytes += bytes.length
    return true
  }

  /** @hotpath */
  #forward(socket: UdpSocket, bytes: Buffer): void {
    // With a gap in what is kept none of it is of any use.
    if (this.#kept !== null && !this.#keep(bytes)) this.#kept = null
    if (!this.#send(socket, bytes)) return
    if (this.#isBlindTest) this.#pass()
    if (this.terms.settings.responses === 0) this.end('')
  }

  /** What was sent a while ago would have been refused by now. */
  #pass(): void {
    const nowMs = performance.now()
    const flowTry = this.tries.latest as FlowTry
    if (flowTry.elapsedUs(nowMs) <= KEPT_MS * 1000) return
    this.#isBlindTest = false
    flowTry.settle(GOOD, nowMs)
  }

  /** False where that has ended what was under way with this endpoint. @hotpath */
  #send(socket: UdpSocket, bytes: Buffer): boolean {
    const status = socket.send(this.#opening, bytes)
    if (status < 0) {
      // What was sent before has come to nothing; this one was not sent at all.
      this.#broken(errorName(status))
      return false
    }
    if (status === DROPPED) this.#drop()
    else this.#asked += 1
    return true
  }

  // Which endpoint.

  /** Opens a socket to an endpoint, and sends what is kept. False where there is none with room. */
  #launch(nowMs: number): boolean {
    const flowTry = this.tries.next(nowMs)
    if (flowTry === null) return false
    const { address, cells } = flowTry.endpoint
    const socket = this.#open(address)
    if (typeof socket === 'string') {
      this.#failed(flowTry, socket, nowMs)
      return true
    }
    this.#socket = socket
    this.#endpoint = flowTry.endpoint
    this.#cells = cells
    if (this.isStranded) this.#cells = -1
    this.#isBlindTest = flowTry.isTest && this.terms.settings.responses <= 0
    const { proxyProtocol } = flowTry.upstream.settings
    if (proxyProtocol !== null) {
      const destination = this.header?.destination ?? this.#port.address
      this.#opening = datagramOpeningOf(proxyProtocol, this.client, destination, this.header)
    }
    this.#sendKept(socket)
    return true
  }

  /** Gives the system's error where there is none. Where descriptors or ports are short, the flow that is needed least makes room. */
  #open(address: Address): UdpSocket | string {
    if (address.kind === 'unix') return 'EAFNOSUPPORT'
    const { host, port } = address
    let socket = UdpSocket.connect(host, port, this)
    const isShort = typeof socket === 'number' && isShortage(errorName(socket), address)
    if (isShort && this.owner.makeWay(this)) socket = UdpSocket.connect(host, port, this)
    return typeof socket === 'number' ? errorName(socket) : socket
  }

  #sendKept(socket: UdpSocket): void {
    this.#asked = 0
    for (const bytes of this.#kept ?? []) if (!this.#send(socket, bytes)) return
    if (this.terms.settings.responses === 0) this.end('')
  }

  /** No endpoint takes it. `code` is what the last one that did not take it has left for the log; empty where there was none. */
  #without(code: FlowErrorCode | '', nowMs: number): void {
    if (this.tries.lack === 'full') this.#wait(code)
    else this.end(code === '' ? this.tries.codeWithout(nowMs) : code)
  }

  /** It waits for room, if it may. `code` as for `#without`. */
  #wait(code: FlowErrorCode | ''): void {
    const entry = this.terms.upstream.room.enter(this)
    this.#isWaiting = entry === WAITS
    if (entry === WAITS) return
    if (entry === QUEUE_FULL) {
      this.end('upstream_queue_full')
      return
    }
    // What others kept may have been given up between the two looks.
    const nowMs = performance.now()
    if (!this.#launch(nowMs)) this.end(code === '' ? this.tries.codeWithout(nowMs) : code)
  }

  get isChoosy(): boolean {
    return this.tries.hasTried
  }

  onRoom(): boolean {
    try {
      return this.#enterRoom()
    } catch (error) {
      this.#isWaiting = false
      this.#fault(error)
      return true
    }
  }

  #enterRoom(): boolean {
    const nowMs = performance.now()
    this.#isWaiting = false
    if (this.#launch(nowMs)) return true
    this.#isWaiting = this.tries.lack === 'full' && this.terms.upstream.room.isWorthWaiting
    if (!this.#isWaiting) this.end(this.tries.codeWithout(nowMs))
    return !this.#isWaiting
  }

  onWaitTimeout(): void {
    this.#isWaiting = false
    this.end(this.terms.upstream.room.isPatient ? 'upstream_queue_timeout' : 'upstream_full')
  }

  /** The endpoint does not take datagrams, or we cannot send them: `error` is the system's. */
  #broken(error: string): void {
    const nowMs = performance.now()
    this.#socket?.close()
    this.#socket = null
    const flowTry = this.tries.latest as FlowTry
    if (this.answeredAt === 0) {
      this.#failed(flowTry, error, nowMs)
      return
    }
    this.errorDetail = error
    if (!isShortage(error, flowTry.endpoint.address)) observeLoss(flowTry, nowMs)
    this.end('upstream_closed')
  }

  /** Nothing has come back: another endpoint is asked, if that is wanted. */
  #failed(flowTry: FlowTry, error: string, nowMs: number): void {
    const { tries } = this
    const { retry } = this.terms.upstream.settings
    const isOurs = isShortage(error, flowTry.endpoint.address)
    this.errorDetail = error
    this.#cells = -1
    if (flowTry.elapsedUs(nowMs) > KEPT_MS * 1000) this.#kept = null
    // What the system tells of now is what it was sent last, however long ago the flow began.
    flowTry.restartClock(nowMs)
    if (flowTry.isSettled && !isOurs) observeLoss(flowTry, nowMs)
    flowTry.end(isOurs ? null : NOT_CONNECTED, nowMs)
    if (isOurs || !retry.onConnect || this.#kept === null || !tries.mayRetry(nowMs)) {
      this.end('upstream_connect_failed')
      return
    }
    const pauseMs = tries.pauseMs()
    if (pauseMs > 0) this.#pause = setTimeout(() => this.#again(), pauseMs)
    else this.#again()
  }

  #again(): void {
    this.#pause = null
    const nowMs = performance.now()
    try {
      if (this.#launch(nowMs)) return
      this.tries.giveRetryBack()
      this.#without('upstream_connect_failed', nowMs)
    } catch (error) {
      this.#fault(error)
    }
  }

  // The endpoint's side.

  /** @hotpath */
  onDatagram(bytes: Buffer): void {
    try {
      if (this.answeredAt === 0) this.#answered()
      this.#answers += 1
      this.#port.flows.touch(this)
      this.#prolong()
      this.#giveBack(bytes)
      const { responses } = this.terms.settings
      if (responses > 0 && this.#answers >= responses * this.#asked) this.#finish()
    } catch (error) {
      this.#fault(error)
    }
  }

  #answered(): void {
    const nowMs = performance.now()
    const flowTry = this.tries.latest as FlowTry
    const { endpointCells } = this.#context.shared.page
    endpointCells[flowTry.endpoint.cells + ANSWERED_AT] = stampOf(nowMs) || 1
    this.answeredAt = nowMs
    this.#kept = null
    this.#isBlindTest = false
    flowTry.answered(nowMs)
    this.tries.taken(flowTry.firstByteUs, nowMs)
  }

  /** Whoever sends in the name of another must not have that one flooded by us: see `amplificationMax`. @hotpath */
  #giveBack(bytes: Buffer): void {
    const { length } = bytes
    const { amplificationMax } = this.terms.settings.limits
    const isTooMuch = amplificationMax > 0 && this.bytesOut + length > amplificationMax * this.bytesIn
    if (isTooMuch || this.#port.reply(this, bytes) !== SENT) {
      this.#drop()
      return
    }
    const counters = this.#counters
    this.datagramsOut += 1
    this.bytesOut += length
    counters[BYTES_OUT] = (counters[BYTES_OUT] as number) + length
  }

  onSocketError(error: string): void {
    try {
      // A router on the way has had no room for one: from now on the system sends such in pieces.
      if (error === 'EMSGSIZE') this.#drop()
      else this.#broken(error)
    } catch (fault) {
      this.#fault(fault)
    }
  }

  #drop(): void {
    const counters = this.#counters
    counters[DATAGRAMS_DROPPED] = (counters[DATAGRAMS_DROPPED] as number) + 1
  }

  // The end.

  /** All the answers have come that were to come. */
  #finish(): void {
    this.tries.latest?.finished(performance.now())
    this.end('')
  }

  /** Idle for too long, as every flow is in the end whose number of answers nobody knows. One that waits has other deadlines. */
  onDeadline(): void {
    if (this.#socket === null) {
      this.#context.net.wheel.set(this.#timer, this.terms.settings.idleMs)
      return
    }
    const { responses } = this.terms.settings
    this.end(this.#answers >= responses * this.#asked ? '' : 'flow_idle_timeout')
  }

  /** A defect of ours costs this flow alone. */
  #fault(error: unknown): void {
    this.#context.net.onFault(error)
    this.end('internal')
  }

  /** Gives everything back. Only the first call counts. */
  end(error: FlowErrorCode | ''): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    const nowMs = performance.now()
    const { tries } = this
    const context = this.#context
    this.error = error
    if (error === '') this.errorDetail = ''
    context.net.wheel.clear(this.#timer)
    if (this.#pause !== null) clearTimeout(this.#pause)
    if (this.#isWaiting) this.terms.upstream.room.leave(this)
    this.#socket?.close()
    this.#socket = null
    this.#kept = null
    tries.latest?.end(this.#outcome(error, nowMs), nowMs)
    tries.leave()
    this.#port.flows.remove(this)
    this.owner.onFlowEnd(this)
    this.terms.generation.leave()
    context.onFlow?.(new UdpFlowRecord(this, (nowMs - this.startedAt) * 1000))
  }

  /** What health learns where it knows nothing yet: of an endpoint that was to answer, and has not once. */
  #outcome(error: FlowErrorCode | '', nowMs: number): typeof GOOD | typeof LATE | null {
    if (this.answeredAt > 0 || (this.#isBlindTest && error === '')) return GOOD
    const isSilent = error === 'flow_idle_timeout' && this.terms.settings.responses > 0
    return isSilent && !this.#areOthersAnswered(nowMs) ? LATE : null
  }

  /**
   * Its endpoint has answered another flow since it was asked by this one: then silence says something of what was sent, not of the
   * endpoint. Otherwise whoever sends what no server answers could have any of them ejected.
   */
  #areOthersAnswered(nowMs: number): boolean {
    const flowTry = this.tries.latest
    if (flowTry === null) return false
    const answeredAt = this.#context.shared.page.endpointCells[flowTry.endpoint.cells + ANSWERED_AT] as number
    const agoMs = until(stampOf(nowMs), answeredAt)
    // Stamps are whole milliseconds.
    return answeredAt !== 0 && agoMs > -SKEW_MS && (agoMs - 1) * 1000 < flowTry.elapsedUs(nowMs)
  }
}

/** Health knows that it was there, and it is gone now. */
function observeLoss({ upstream, endpoint }: FlowTry, nowMs: number): void {
  const stamp = stampOf(nowMs)
  upstream.health.observe(endpoint, NOT_CONNECTED, 0, false, -1, stamp)
  const change = upstream.circuit?.observe(false, true, -1, stamp) ?? ''
  if (change !== '') upstream.health.circuitChanged('', change, NOT_CONNECTED)
}
