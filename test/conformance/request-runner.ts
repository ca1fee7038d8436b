import type { Address } from '../../engine/snapshot.ts'
import { quote } from '../support/bytes.ts'
import { type RawClient, rawClient } from '../support/raw-client.ts'
import type { RecordedRequest, RecordingOrigin } from '../support/recording-origin.ts'
import { valuesOf } from '../support/strict-head.ts'
import {
  bytesOf,
  type ForwardedRequest,
  listOf,
  type OneOrMore,
  type Parts,
  type RequestCase,
  type RequestVerdict,
  textOf,
} from './cases.ts'
import { checkFields, checkTrailers } from './field-check.ts'

/** What a request case came to. */
export interface RequestOutcome {
  /** Final responses that the client read. */
  readonly responses: readonly { readonly status: number; readonly content: string }[]
  /** What became of the client's connection: it served another request, was closed, or nothing happened. */
  readonly ending: 'open' | 'closed' | 'stuck'
  /** Whole requests that reached the origin. */
  readonly forwarded: readonly RecordedRequest[]
  /** What must never be, whatever the case. */
  readonly faults: readonly string[]
}

const deadlineMs = 10_000
const sentinel = 'GET /sentinel HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n'
const check = 'GET /check HTTP/1.1\r\nHost: example.com\r\n\r\n'

/** The origin of a lane, with a client connection that asks after every case whether all is still well. */
export class RequestLane {
  readonly origin: RecordingOrigin
  readonly address: Address
  #checker: RawClient | null = null

  constructor(origin: RecordingOrigin) {
    this.origin = origin
    this.address = origin.address
  }

  /** Sends the case's bytes, cut at `offsets`, to the proxy's `port` and watches both sides of the proxy. */
  async observe(port: number, testCase: RequestCase, offsets: readonly number[] = []): Promise<RequestOutcome> {
    const faults: string[] = []
    this.origin.forget()
    const seen = await this.#converse(await rawClient(port), testCase, offsets, faults)
    return { ...seen, ...(await this.settle(port, faults)) }
  }

  /** Asks for something good, lets the origin come to rest, and gives what has reached it besides. */
  async settle(port: number, faults: string[] = []): Promise<Pick<RequestOutcome, 'forwarded' | 'faults'>> {
    const { origin } = this
    await this.#checkThatAllIsWell(port, faults)
    await origin.quiet(deadlineMs).catch((error: Error) => faults.push(error.message))
    faults.push(...origin.malformed.map(reason => `the origin cannot read what it got: ${reason}`))
    const forwarded = origin.requests.filter(({ target }) => target !== '/sentinel' && target !== '/check')
    return { forwarded, faults }
  }

  async close(): Promise<void> {
    this.#checker?.close()
    await this.origin.close()
  }

  async #converse(
    client: RawClient,
    testCase: RequestCase,
    offsets: readonly number[],
    faults: string[],
  ): Promise<Pick<RequestOutcome, 'responses' | 'ending'>> {
    using _ = client
    const sent = client.sendSplit(bytesOf(testCase.bytes), offsets).then(() => {
      if (testCase.fin) client.end()
    })
    const methods = methodsOf(testCase)
    const expected = Math.max(...listOf(testCase.expect).map(responsesOf))
    const mayStayOpen = !testCase.fin && listOf(testCase.expect).some(verdict => closesOf(verdict) !== true)
    const responses: { status: number; content: string }[] = []
    for (;;) {
      const probing = mayStayOpen && responses.length >= expected
      if (probing) {
        await sent
        await client.send(sentinel)
      }
      const method = methods[responses.length] ?? 'GET'
      const clientVersion = testCase.client ?? '1.1'
      const outcome = await client.nextResponse({ method, clientVersion, deadlineMs }).catch(() => null)
      if (outcome === null) return { responses, ending: 'stuck' }
      if (outcome.kind === 'malformed') {
        faults.push(`the client cannot read what it got: ${outcome.reason} in ${quote(outcome.received)}`)
        return { responses, ending: 'stuck' }
      }
      if (outcome.kind === 'cut') {
        if (outcome.received.length > 0) faults.push(`the client got half a response: ${quote(outcome.received)}`)
        return { responses, ending: 'closed' }
      }
      const content = outcome.response.content.toString('latin1')
      if (probing && content === 'GET /sentinel') return { responses, ending: 'open' }
      responses.push({ status: outcome.response.status, content })
      if (responses.length > expected + 3) return { responses, ending: 'stuck' }
    }
  }

  async #checkThatAllIsWell(port: number, faults: string[]): Promise<void> {
    if (this.#checker === null || this.#checker.ended !== 'no') this.#checker = await rawClient(port)
    await this.#checker.send(check)
    const outcome = await this.#checker.nextResponse({ deadlineMs }).catch(() => null)
    if (outcome?.kind === 'whole' && outcome.response.content.toString() === 'GET /check') return
    faults.push(`afterwards, a good request on another connection gets ${JSON.stringify(outcome?.kind ?? 'nothing')}`)
    this.#checker.close()
    this.#checker = null
  }
}

/** How many final responses a verdict means. */
function responsesOf(verdict: RequestVerdict): number {
  const own = verdict.status !== undefined && listOf(verdict.status).some(status => status > 0) ? 1 : 0
  return (verdict.forwarded?.length ?? 0) + own
}

function closesOf(verdict: RequestVerdict): boolean | 'any' {
  return verdict.close ?? verdict.status !== undefined
}

/** Methods of the requests that get answers, so that an answer to HEAD is read without content. */
function methodsOf(testCase: RequestCase): string[] {
  const longest = listOf(testCase.expect)
    .map(verdict => verdict.forwarded ?? [])
    .sort((a, b) => b.length - a.length)[0]
  return (longest ?? []).map(request => textOf(request.line).split(' ')[0] ?? '')
}

/** What is wrong with an outcome, in words; empty when one of the allowed verdicts holds. */
export function judgeRequest(testCase: RequestCase, outcome: RequestOutcome): string {
  const faults = outcome.faults.join('\n')
  if (faults) return `${faults}\n${describe(outcome)}`
  const complaints = listOf(testCase.expect).map(verdict => complaintsOf(verdict, outcome))
  if (complaints.some(list => list.length === 0)) return ''
  return `${complaints.map(list => list.join('; ')).join('\nor: ')}\n${describe(outcome)}`
}

function describe(outcome: RequestOutcome): string {
  const responses = outcome.responses.map(({ status, content }) => `${status} ${quote(content, 80)}`).join(', ')
  const forwarded = outcome.forwarded.map(request => quote(describeRequest(request), 400)).join(', ')
  return `observed: responses [${responses}], connection ${outcome.ending}, at the origin [${forwarded}]`
}

function describeRequest({ method, target, fields, content }: RecordedRequest): string {
  return `${method} ${target} ${fields.map(field => field.join(': ')).join(', ')} | ${content.toString('latin1')}`
}

function complaintsOf(verdict: RequestVerdict, outcome: RequestOutcome): string[] {
  const expected = verdict.forwarded ?? []
  const complaints: string[] = []
  if (expected.length !== outcome.forwarded.length) {
    complaints.push(`${outcome.forwarded.length} requests reached the origin, not ${expected.length}`)
  }
  for (const [index, want] of expected.entries()) {
    const got = outcome.forwarded[index]
    if (got) complaints.push(...complaintsOfRequest(want, got))
  }
  complaints.push(...complaintsOfResponses(verdict, outcome))
  const closes = closesOf(verdict)
  if (outcome.ending === 'stuck' || (closes !== 'any' && closes !== (outcome.ending === 'closed'))) {
    complaints.push(`the connection is ${outcome.ending}, not ${closes ? 'closed' : 'open'}`)
  }
  return complaints
}

function complaintsOfResponses(verdict: RequestVerdict, { responses }: RequestOutcome): string[] {
  const complaints: string[] = []
  const expected = verdict.forwarded ?? []
  for (const [index, want] of expected.entries()) {
    const [method = '', target = ''] = textOf(want.line).split(' ')
    const got = responses[index]
    const content = method === 'HEAD' ? '' : `${method} ${target}`
    if (got?.status !== 200 || got.content !== content) {
      complaints.push(`response ${index} is ${got ? got.status : 'missing'}, not 200 with ${quote(content, 80)}`)
    }
  }
  const allowed = verdict.status === undefined ? [] : listOf(verdict.status)
  const own = responses[expected.length]
  const fits = own ? allowed.includes(own.status) : allowed.length === 0 || allowed.includes(0)
  if (!fits) complaints.push(`own answer is ${own?.status ?? 'none'}, not ${allowed.join(' or ') || 'none'}`)
  if (responses.length > expected.length + 1) complaints.push(`${responses.length} responses`)
  return complaints
}

function complaintsOfRequest(want: ForwardedRequest, got: RecordedRequest): string[] {
  const line = `${got.method} ${got.target} HTTP/${got.version}`
  const complaints: string[] = []
  if (line !== textOf(want.line)) complaints.push(`request line ${quote(line, 200)}`)
  const host = valuesOf(got.fields, 'host')[0] ?? ''
  const hosts: OneOrMore<string> = want.host ?? 'example.com'
  if (hosts !== '*' && !listOf(hosts).includes(host)) complaints.push(`Host is ${quote(host)}`)
  const wanted: Parts = want.content ?? ''
  if (got.content.toString('latin1') !== textOf(wanted)) complaints.push(`content is ${quote(got.content, 200)}`)
  return [...complaints, ...checkFields(got.fields, want), ...checkTrailers(got.trailers, want.trailers)]
}

/** Differs from one exchange or lane to the next. */
const volatile = new Set(['x-request-id', 'x-forwarded-port'])

/** Where a request has no `Host`, the endpoint's address stands in. */
const withoutPort = (value: string) => value.replace(/^(127\.0\.0\.1):\d+$/, '$1')

/** What must not depend on how the bytes were split. */
export function requestSignature({ responses, ending, forwarded }: RequestOutcome): string {
  const requests = forwarded.map(({ method, target, version, fields, framing, content, trailers }) => ({
    line: `${method} ${target} ${version}`,
    fields: fields.map(([name, value]) => (volatile.has(name.toLowerCase()) ? [name] : [name, withoutPort(value)])),
    framing,
    content: content.toString('latin1'),
    trailers,
  }))
  return JSON.stringify({ responses: responses.map(({ status }) => status), ending, requests })
}
