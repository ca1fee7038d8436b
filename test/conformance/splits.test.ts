import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordingOrigin } from '../support/recording-origin.ts'
import { THOROUGH } from '../support/thorough.ts'
import { bytesOf, type Parts, requestFiles, responseFiles, splitOffsets } from './cases.ts'
import { type Lane, type Lanes, runInLanes, startLanes } from './lanes.ts'
import { judgeRequest, RequestLane, requestSignature } from './request-runner.ts'
import { judgeResponse, observeResponse, playingOrigin, responseSignature } from './response-runner.ts'

const laneCount = 32
const complaintsMax = 5
const timeoutMs = 60_000

interface Job<Case> {
  readonly testCase: Case
  readonly offsets: readonly number[]
}

/** Of the places to cut each message at, every so manieth, beginning with another one in each; all of them where there is time. */
const stride = THOROUGH ? 1 : 12

function* inTwo<Case>(cases: readonly Case[], partsOf: (testCase: Case) => Parts): Generator<Job<Case>> {
  for (const [index, testCase] of cases.entries()) {
    for (const [place, offset] of splitOffsets(bytesOf(partsOf(testCase)).length).entries()) {
      if ((place + index) % stride === 0) yield { testCase, offsets: [offset] }
    }
  }
}

/** Cut into single bytes; long messages, where they are not cut in two either, into larger pieces. */
function* inBytes<Case>(cases: readonly Case[], partsOf: (testCase: Case) => Parts): Generator<Job<Case>> {
  for (const testCase of cases) yield { testCase, offsets: splitOffsets(bytesOf(partsOf(testCase)).length) }
}

const place = (offsets: readonly number[]) => (offsets.length === 1 ? offsets[0] : 'every byte')

interface Trial {
  /** What is wrong with the outcome by itself; empty when nothing is. */
  readonly complaint: string
  /** What must be equal however the bytes come. */
  readonly signature: string
}

/** Tries every case whole and then cut in both ways; gives the first complaints. */
async function trySplits<Origin, Case extends { readonly name: string }>(
  lanes: readonly Lane<Origin>[],
  cases: readonly Case[],
  partsOf: (testCase: Case) => Parts,
  attempt: (lane: Lane<Origin>, testCase: Case, offsets: readonly number[]) => Promise<Trial>,
): Promise<string[]> {
  const whole = new Map<Case, string>()
  await runInLanes(lanes, cases, async (lane, testCase) => {
    whole.set(testCase, (await attempt(lane, testCase, [])).signature)
  })
  const complaints: string[] = []
  const tryOne = async (lane: Lane<Origin>, { testCase, offsets }: Job<Case>) => {
    if (complaints.length >= complaintsMax) return
    const { complaint, signature } = await attempt(lane, testCase, offsets)
    const differs = signature === whole.get(testCase) ? '' : `${signature}\nunsplit: ${whole.get(testCase)}`
    if (complaint || differs) complaints.push(`${testCase.name} cut at ${place(offsets)}: ${complaint || differs}`)
  }
  await runInLanes(lanes, inTwo(cases, partsOf), tryOne)
  await runInLanes(lanes, inBytes(cases, partsOf), tryOne)
  return complaints.slice(0, complaintsMax)
}

describe('a request cut in two at any byte, or into single bytes, comes to the same as whole', () => {
  let lanes: Lanes<RequestLane>

  beforeAll(async () => {
    lanes = await startLanes(laneCount, async () => new RequestLane(await recordingOrigin()))
  })

  afterAll(() => lanes?.close())

  for (const { file, cases } of requestFiles) {
    test(file, { timeout: timeoutMs }, async () => {
      const complaints = await trySplits(
        lanes.lanes,
        cases,
        testCase => testCase.bytes,
        async ({ origin, port }, testCase, offsets) => {
          const outcome = await origin.observe(port, testCase, offsets)
          return { complaint: judgeRequest(testCase, outcome), signature: requestSignature(outcome) }
        },
      )
      expect(complaints.length, complaints.join('\n\n')).toBe(0)
      expect(lanes.proxy.events).toEqual([])
    })
  }
})

describe('a response cut in two at any byte, or into single bytes, comes to the same as whole', () => {
  let lanes: Lanes<Awaited<ReturnType<typeof playingOrigin>>>

  beforeAll(async () => {
    lanes = await startLanes(laneCount, playingOrigin)
  })

  afterAll(() => lanes?.close())

  for (const { file, cases } of responseFiles) {
    test(file, { timeout: timeoutMs }, async () => {
      const complaints = await trySplits(
        lanes.lanes,
        cases,
        testCase => testCase.origin,
        async (lane, testCase, offsets) => {
          const outcome = await observeResponse(lane, testCase, offsets)
          return { complaint: judgeResponse(testCase, outcome), signature: responseSignature(outcome) }
        },
      )
      expect(complaints.length, complaints.join('\n\n')).toBe(0)
      expect(lanes.proxy.events).toEqual([])
    })
  }
})
