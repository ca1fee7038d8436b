import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { within } from '../support/bell.ts'
import { quote } from '../support/bytes.ts'
import { rawClient } from '../support/raw-client.ts'
import { recordingOrigin } from '../support/recording-origin.ts'
import { parseRequest, type StrictRequest } from '../support/strict-request.ts'
import { runsOf } from '../support/thorough.ts'
import { turns } from '../support/turns.ts'
import { bytesOf, requestFiles, responseFiles, textOf } from './cases.ts'
import { type Lanes, startLanes } from './lanes.ts'
import { cuts, mutate, mutations, offsetsOf, validRequests, validResponse } from './random-messages.ts'
import { judgeRequest, RequestLane } from './request-runner.ts'
import { judgeResponse, observeResponse, playingOrigin } from './response-runner.ts'

const timeoutMs = 60_000
const runs = runsOf(400, 2)

/** The requests that the strict parser finds, up to the first thing it refuses. */
function strictlyRead(bytes: Buffer): StrictRequest[] {
  const requests: StrictRequest[] = []
  let at = 0
  for (;;) {
    const step = parseRequest(bytes, at)
    if (step.kind !== 'complete') return requests
    requests.push(step.value)
    at = step.value.end
  }
}

/** As it has to go upstream: the path in canonical form, the query as it came. */
function canonical(target: string): string {
  const [, path = '', query = ''] = /^(\/[^?]*)(.*)$/s.exec(target) ?? ['', '', target]
  const encoded = path
    .replaceAll(/%[0-9a-f]{2}/gi, octet => {
      const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16))
      return /[\w.~-]/.test(character) ? character : octet.toUpperCase()
    })
    .replaceAll(/["<>[\]^`{|}]/g, character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll(/\/+/g, '/')
  return path === '' ? target : new URL(`http://h${encoded}`).pathname + query
}

const gist = ({ method, target, content, trailers }: StrictRequest) => ({
  line: `${method} ${target}`,
  content: content.toString('latin1'),
  trailers,
})

describe('requests, at random', () => {
  let lanes: Lanes<RequestLane>
  const cases = requestFiles.flatMap(file => file.cases)

  beforeAll(async () => {
    lanes = await startLanes(1, async () => new RequestLane(await recordingOrigin()))
  })

  afterAll(() => lanes?.close())

  test('valid ones reach the origin as they are, however they are cut', { timeout: timeoutMs }, async () => {
    const { origin, port } = lanes.lanes[0]!
    await fc.assert(
      fc.asyncProperty(validRequests, cuts, async (testCase, shares) => {
        const offsets = offsetsOf(shares, textOf(testCase.bytes).length)
        expect(judgeRequest(testCase, await origin.observe(port, testCase, offsets))).toBe('')
      }),
      runs,
    )
  })

  test('those of the data files come to the same in many pieces', { timeout: timeoutMs }, async () => {
    const { origin, port } = lanes.lanes[0]!
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...cases), cuts, async (testCase, shares) => {
        const offsets = offsetsOf(shares, bytesOf(testCase.bytes).length)
        expect(judgeRequest(testCase, await origin.observe(port, testCase, offsets)), testCase.name).toBe('')
      }),
      runs,
    )
  })

  test('damaged ones never reach the origin in a form that can be misread', { timeout: timeoutMs }, async () => {
    const { origin, port } = lanes.lanes[0]!
    await fc.assert(
      fc.asyncProperty(validRequests, mutations, async (testCase, changes) => {
        const bytes = mutate(textOf(testCase.bytes), changes)
        origin.origin.forget()
        using client = await rawClient(port)
        await client.send(bytes)
        // Long enough for what is complete to be forwarded and answered; what is not ends with the FIN.
        await turns(12)
        client.end()
        await within(client.closed, 10_000, () => `the end of the connection after ${quote(bytes)}`)
        const { faults, forwarded } = await origin.settle(port)
        expect(faults, quote(bytes)).toEqual([])
        // As far as the strict parser can read what the client sent, the proxy has read the same.
        const asSent = strictlyRead(Buffer.from(bytes, 'latin1')).map(sent => ({
          ...sent,
          target: canonical(sent.target),
        }))
        const both = Math.min(asSent.length, forwarded.length)
        expect(forwarded.slice(0, both).map(gist), quote(bytes)).toEqual(asSent.slice(0, both).map(gist))
      }),
      runsOf(1_000, 2),
    )
  })

  test('no exception has been caught anywhere', () => {
    expect(lanes.proxy.events).toEqual([])
  })
})

describe('responses, at random', () => {
  let lanes: Lanes<Awaited<ReturnType<typeof playingOrigin>>>
  const cases = responseFiles.flatMap(file => file.cases)

  beforeAll(async () => {
    lanes = await startLanes(1, playingOrigin)
  })

  afterAll(() => lanes?.close())

  test('valid ones reach the client as they are, however they are cut', { timeout: timeoutMs }, async () => {
    const lane = lanes.lanes[0]!
    await fc.assert(
      fc.asyncProperty(validResponse, cuts, async (testCase, shares) => {
        const offsets = offsetsOf(shares, textOf(testCase.origin).length)
        expect(judgeResponse(testCase, await observeResponse(lane, testCase, offsets))).toBe('')
      }),
      runs,
    )
  })

  test('those of the data files come to the same in many pieces', { timeout: timeoutMs }, async () => {
    const lane = lanes.lanes[0]!
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...cases), cuts, async (testCase, shares) => {
        const offsets = offsetsOf(shares, bytesOf(testCase.origin).length)
        const complaint = judgeResponse(testCase, await observeResponse(lane, testCase, offsets))
        expect(complaint, testCase.name).toBe('')
      }),
      runs,
    )
  })

  test('damaged ones never reach the client in a form that can be misread', { timeout: timeoutMs }, async () => {
    const lane = lanes.lanes[0]!
    await fc.assert(
      fc.asyncProperty(validResponse, mutations, async (testCase, changes) => {
        const origin = mutate(textOf(testCase.origin), changes)
        const outcome = await observeResponse(lane, { ...testCase, origin, ending: 'close' })
        expect(outcome.read.kind, quote(origin)).toMatch(/whole|cut/)
        expect(outcome.faults, quote(origin)).toEqual([])
      }),
      runsOf(600, 2),
    )
  })

  test('no exception has been caught anywhere', () => {
    expect(lanes.proxy.events).toEqual([])
  })
})
