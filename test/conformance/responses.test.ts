import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { responseFiles } from './cases.ts'
import { type Lanes, startLanes } from './lanes.ts'
import { judgeResponse, observeResponse, type PlayingOrigin, playingOrigin } from './response-runner.ts'

describe.each([
  { pool: 'a pool that sends one request at a time', pipelining: 1 },
  { pool: 'a pool that pipelines', pipelining: 8 },
])('with $pool', ({ pipelining }) => {
  let lanes: Lanes<PlayingOrigin>

  beforeAll(async () => {
    lanes = await startLanes(1, playingOrigin, { pipelining })
  })

  afterAll(() => lanes?.close())

  for (const { file, cases } of responseFiles) {
    describe(`responses: ${file}`, () => {
      test.each(cases)('$name', async testCase => {
        const complaint = judgeResponse(testCase, await observeResponse(lanes.lanes[0]!, testCase))
        expect(complaint === '', complaint).toBe(true)
      })
    })
  }

  test('no exception has been caught anywhere', () => {
    expect(lanes.proxy.events).toEqual([])
  })
})
