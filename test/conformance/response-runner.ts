import { quote } from '../support/bytes.ts'
import { type RawClient, type ResponseOutcome, rawClient } from '../support/raw-client.ts'
import { type ScriptedConnection, type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts'
import type { StrictResponse } from '../support/strict-response.ts'
import { turns } from '../support/turns.ts'
import { waitFor } from '../support/wait-for.ts'
import { bytesOf, listOf, type ResponseCase, type ResponseVerdict, textOf, type WholeResponse } from './cases.ts'
import { checkFields, checkTrailers } from './field-check.ts'
import type { Lane } from './lanes.ts'

/** What a response case came to. */
export interface ResponseRunOutcome {
  readonly read: ResponseOutcome | { readonly kind: 'stuck' }
  /** Whether the proxy ended the client's connection after the response. */
  readonly closed: boolean
  /** Whether the next request came to the origin on the same connection. */
  readonly pooled: boolean
  /** What must never be, whatever the case. */
  readonly faults: readonly string[]
}

const deadlineMs = 10_000
const get = 'GET /case HTTP/1.1\r\nHost: example.com\r\n\r\n'
const good = 'GET /good HTTP/1.1\r\nHost: example.com\r\n\r\n'
const goodAnswer = 'HTTP/1.1 200 Good\r\nContent-Length: 4\r\n\r\ngood'

/** What the origin of a lane is to play, and what it has noticed while playing. */
class Plan {
  testCase: ResponseCase | null = null
  offsets: readonly number[] = []
  /** Connections that have the case's bytes still to send. */
  sending = 0
  caseConnection: ScriptedConnection | null = null
  goodConnection: ScriptedConnection | null = null

  begin(testCase: ResponseCase | null, offsets: readonly number[] = []): void {
    this.testCase = testCase
    this.offsets = offsets
    this.caseConnection = null
    this.goodConnection = null
  }
}

export interface PlayingOrigin extends ScriptedOrigin {
  readonly plan: Plan
}

/** An origin that answers `/good` and plays the current case for everything else. */
export async function playingOrigin(): Promise<PlayingOrigin> {
  const plan = new Plan()
  const origin = await scriptedOrigin(async connection => {
    if (plan.testCase?.when === 'connect') {
      await play(plan, plan.testCase, connection)
      await connection.expectRequest()
    }
    for (;;) {
      const head = await connection.expectHead()
      if (head.target === '/good') {
        await connection.expectContent(head)
        plan.goodConnection = connection
        await connection.send(goodAnswer)
        continue
      }
      const { testCase } = plan
      if (testCase === null) throw new Error(`${head.method} ${head.target} when no case is played`)
      if (testCase.when !== 'head') await connection.expectContent(head)
      await play(plan, testCase, connection)
      if (testCase.when === 'head') return
    }
  })
  return { ...origin, plan }
}

async function play(plan: Plan, testCase: ResponseCase, connection: ScriptedConnection): Promise<void> {
  plan.caseConnection = connection
  plan.sending += 1
  await connection.sendSplit(bytesOf(testCase.origin), plan.offsets)
  if (testCase.ending !== undefined) await turns()
  if (testCase.ending === 'close') connection.close()
  if (testCase.ending === 'reset') connection.reset()
  plan.sending -= 1
}

/** Plays a case, the origin's bytes cut at `offsets`, and then asks for `/good`. */
export async function observeResponse(
  lane: Lane<PlayingOrigin>,
  testCase: ResponseCase,
  offsets: readonly number[] = [],
): Promise<ResponseRunOutcome> {
  const { origin, port } = lane
  const { plan } = origin
  const faults: string[] = []
  if (testCase.when === 'connect') await dropConnections(origin)
  plan.begin(testCase, offsets)
  const request = textOf(testCase.request ?? get)
  const clientVersion = request.includes(' HTTP/1.0\r\n') ? '1.0' : '1.1'
  using client = await rawClient(port)
  await client.send(request)
  const read = await client
    .nextResponse({ method: request.split(' ')[0] ?? '', clientVersion, deadlineMs })
    .catch(() => ({ kind: 'stuck' }) as const)
  await waitFor(() => plan.sending === 0, 'an origin that has played its part', deadlineMs)
  if (testCase.afterwards !== undefined) {
    await plan.caseConnection?.send(bytesOf(testCase.afterwards))
    await turns()
  }
  const { caseConnection } = plan
  plan.begin(null)
  const reusable =
    read.kind === 'whole' && read.response.status !== 101 && clientVersion === '1.1' && testCase.when !== 'head'
  if (clientVersion === '1.0' && read.kind === 'whole') await client.closed
  const closed = await checkThatAllIsWell(reusable ? client : null, port, faults)
  faults.push(...origin.takeFailures().map(error => `the origin cannot read what it got: ${error.message}`))
  if (client.unread.length > 0 && read.kind === 'whole' && read.response.status !== 101) {
    faults.push(`the client got more than a response: ${quote(client.unread)}`)
  }
  return { read, closed, pooled: plan.goodConnection !== null && plan.goodConnection === caseConnection, faults }
}

/** Ends what is in the proxy's pool, so that the next request has to dial. */
async function dropConnections(origin: PlayingOrigin): Promise<void> {
  for (const connection of origin.connections) if (connection.open) connection.close()
  await waitFor(() => origin.connections.every(connection => !connection.open), 'an empty pool', deadlineMs)
}

/** Asks for `/good` on the connection of the case, or on another where that is over. Says whether it was over. */
async function checkThatAllIsWell(client: RawClient | null, port: number, faults: string[]): Promise<boolean> {
  let closed = client === null || client.ended !== 'no'
  if (client !== null && !closed) {
    await client.send(good)
    const outcome = await client.nextResponse({ deadlineMs }).catch(() => null)
    if (isGood(outcome)) return false
    closed = outcome?.kind === 'cut' && outcome.received.length === 0
    if (!closed) faults.push(`the next request on the connection gets ${describeRead(outcome)}`)
  }
  using other = await rawClient(port)
  await other.send(good)
  const outcome = await other.nextResponse({ deadlineMs }).catch(() => null)
  if (!isGood(outcome)) faults.push(`afterwards, a good request gets ${describeRead(outcome)}`)
  return closed
}

function isGood(outcome: ResponseOutcome | null): boolean {
  return outcome?.kind === 'whole' && outcome.response.content.toString() === 'good'
}

function describeRead(read: ResponseRunOutcome['read'] | null): string {
  if (read === null || read.kind === 'stuck') return 'nothing'
  if (read.kind !== 'whole') return `${JSON.stringify({ ...read, received: undefined })} ${quote(read.received, 300)}`
  const { status, reason, fields, framing, content, interim } = read.response
  return JSON.stringify({ status, reason, fields, framing, content: quote(content, 200), interim: interim.length })
}

/** What is wrong with an outcome, in words; empty when one of the allowed verdicts holds. */
export function judgeResponse(testCase: ResponseCase, outcome: ResponseRunOutcome): string {
  const observed = `observed: ${describeRead(outcome.read)}, closed ${outcome.closed}, pooled ${outcome.pooled}`
  const faults = outcome.faults.join('\n')
  if (faults) return `${faults}\n${observed}`
  const complaints = listOf(testCase.expect).map(verdict => complaintsOf(verdict, outcome))
  if (complaints.some(list => list.length === 0)) return ''
  return `${complaints.map(list => list.join('; ')).join('\nor: ')}\n${observed}`
}

function complaintsOf(verdict: ResponseVerdict, outcome: ResponseRunOutcome): string[] {
  const { read } = outcome
  if (verdict.outcome === 'cut') {
    if (read.kind !== 'cut' || read.status === 0) return ['not a head and then a cut']
    return verdict.how !== undefined && read.how !== verdict.how ? [`cut by ${read.how}, not ${verdict.how}`] : []
  }
  if (read.kind !== 'whole') return [`not a whole response but ${read.kind}`]
  if (verdict.outcome === 'error') {
    const allowed = listOf(verdict.status)
    if (outcome.pooled) return ['the connection of a malformed response is reused']
    return allowed.includes(read.response.status) ? [] : [`${read.response.status}, not ${allowed.join(' or ')}`]
  }
  return complaintsOfWhole(verdict, read.response, outcome)
}

function complaintsOfWhole(want: WholeResponse, got: StrictResponse, outcome: ResponseRunOutcome): string[] {
  const complaints: string[] = []
  const differs = (what: string, is: unknown, should: unknown) => {
    if (JSON.stringify(is) !== JSON.stringify(should)) {
      complaints.push(`${what} is ${JSON.stringify(is)}, not ${JSON.stringify(should)}`)
    }
  }
  differs('status', got.status, want.status)
  if (want.reason !== undefined) differs('reason', got.reason, want.reason)
  differs('content', got.content.toString('latin1'), textOf(want.content ?? ''))
  if (want.framing !== undefined && !listOf(want.framing).includes(got.framing))
    differs('framing', got.framing, want.framing)
  differs(
    'interim',
    got.interim.map(({ status }) => status),
    want.interim ?? [],
  )
  if (want.close !== undefined) differs('closed', outcome.closed, want.close)
  if (want.pooled !== undefined) differs('pooled', outcome.pooled, want.pooled)
  return [...complaints, ...checkFields(got.fields, want), ...checkTrailers(got.trailers, want.trailers)]
}

/** What must not depend on how the bytes were split; how much of a cut response came does. */
export function responseSignature({ read, closed, pooled }: ResponseRunOutcome): string {
  if (read.kind !== 'whole') return 'not whole'
  const { status, reason, fields, framing, content, trailers, interim } = read.response
  if (status >= 500 && reason !== 'OK') return 'not whole'
  return JSON.stringify({
    status,
    reason,
    fields,
    framing,
    content: content.toString('latin1'),
    trailers,
    interim,
    closed,
    pooled,
  })
}
