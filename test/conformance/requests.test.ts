import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { rawClient } from '../support/raw-client.ts'
import { recordingOrigin } from '../support/recording-origin.ts'
import { requestFiles } from './cases.ts'
import { type Lanes, startLanes } from './lanes.ts'
import { judgeRequest, RequestLane } from './request-runner.ts'

let lanes: Lanes<RequestLane>

beforeAll(async () => {
  lanes = await startLanes(1, async () => new RequestLane(await recordingOrigin()))
})

afterAll(() => lanes?.close())

for (const { file, cases } of requestFiles) {
  describe(`requests: ${file}`, () => {
    test.each(cases)('$name', async testCase => {
      const { origin, port } = lanes.lanes[0]!
      const complaint = judgeRequest(testCase, await origin.observe(port, testCase))
      expect(complaint === '', complaint).toBe(true)
    })
  })
}

test('a client that is still sending when it is refused gets to read the answer', async () => {
  using client = await rawClient(lanes.proxy.port)
  const field = `X-Long: ${'a'.repeat(1_000)}\r\n`
  await client.send(`GET / HTTP/1.1\r\nHost: example.com\r\n${field.repeat(4_000)}\r\n`)
  const response = await client.readResponse()
  expect(response.status).toBe(431)
  expect(await client.closed).toBe('fin')
})

test('no exception has been caught anywhere', () => {
  expect(lanes.proxy.events).toEqual([])
})
