/** What a check asks of an endpoint, worked out once from its settings, and what a probe of each kind is. */
import { openingOf } from '../../net/proxy-protocol/opening.ts'
import type { ActiveCheckSnapshot, Address, UpstreamSnapshot, UpstreamTlsSnapshot } from '../../snapshot.ts'
import { nameOfHost } from '../host-name.ts'

/** Bytes of an answer that a check reads at most: of HTTP content, of what a TCP endpoint says. */
export const ANSWER_BYTES_MAX = 65_536

/** What checks have in common with the requests to their endpoint. */
export type CheckedUpstream = Pick<UpstreamSnapshot, 'tls' | 'proxyProtocol'>

const PLAIN: CheckedUpstream = { tls: null, proxyProtocol: null }

const NOTHING = Buffer.alloc(0)

export interface CheckPlan {
  readonly settings: ActiveCheckSnapshot
  /** As requests to the endpoint have it; `null` where they have none. */
  readonly tls: UpstreamTlsSnapshot | null
  /** Where the check connects: the endpoint's address, with the check's own port if it has one. */
  readonly address: Address
  /** What the connection begins with, before TLS, and each datagram: that nobody stands behind it. Empty where nothing is said. */
  readonly opening: Buffer
  /** What `Host` says. */
  readonly host: string
  /** The name that the certificate must be for; also sent as server name unless it is an IP address. */
  readonly serverName: string
  /** `null` for any content. */
  readonly content: RegExp | null
  readonly send: Buffer
  readonly expect: Buffer
}

export interface ProbeOutcome {
  readonly passed: boolean
  /** E.g. `status 200`, `ECONNREFUSED`, `content does not match`. */
  readonly reason: string
}

export type ProbeEnd = (outcome: ProbeOutcome) => void

/** One check under way. */
export interface Probe {
  /** What it means that its time is over; absent or `null`: that it has failed. */
  readonly silence?: ProbeOutcome | null
  /** Ends it at once, without an outcome: no socket is left. Does nothing where it has ended. */
  cancel(): void
}

/** Begins a probe. It calls `onEnd` once, later than its own return, and then has no socket any more. */
export type OpenProbe = (plan: CheckPlan, onEnd: ProbeEnd) => Probe

/**
 * Throws an error that says what is wrong with the settings: a content expression that is none, or text to send or
 * expect with characters that are no bytes.
 */
export function planCheck(
  settings: ActiveCheckSnapshot,
  address: Address,
  host: string,
  { tls, proxyProtocol }: CheckedUpstream = PLAIN,
): CheckPlan {
  return {
    settings,
    tls,
    // What has a port of its own for checks is seldom behind the protocol there (HAProxy's `check` has the same rule).
    opening: proxyProtocol === null || settings.port > 0 ? NOTHING : openingOf(proxyProtocol, null),
    address: address.kind === 'tcp' && settings.port > 0 ? { ...address, port: settings.port } : address,
    host: settings.host === '' ? host : settings.host,
    serverName: settings.serverName || tls?.serverName || nameOfHost(host),
    content: settings.content === '' ? null : new RegExp(settings.content),
    send: bytesOf('send', settings.send),
    expect: bytesOf('expect', settings.expect),
  }
}

/** Each character is the byte of its number, so that any bytes can be written: `\x00`, `\xff`. */
function bytesOf(setting: string, text: string): Buffer {
  if (/[^\0-\xff]/.test(text)) {
    throw new RangeError(
      `${setting}: each character stands for one byte, so none may be past U+00FF; write UTF-8 as \\xNN`,
    )
  }
  return Buffer.from(text, 'latin1')
}

/** Reasons come from peers in part: in a log they must be of one line, and short. */
const REASON_CHARACTERS_MAX = 200

export function failure(reason: string): ProbeOutcome {
  return { passed: false, reason: reason.replace(/[\0-\x1f\x7f]+/g, ' ').slice(0, REASON_CHARACTERS_MAX) }
}

export function success(reason: string): ProbeOutcome {
  return { passed: true, reason }
}
