import { afterAll, beforeAll, expect, it } from 'vitest'
import { get } from '../../support/heads.ts'
import { dataFrame, headersFrame, responseFields } from '../../support/http2-peer.ts'
import { type Http2Scene, openHttp2Scene } from './http2-scene.ts'
import { FORGIVING } from './scene.ts'

let scene: Http2Scene
beforeAll(async () => {
  scene = await openHttp2Scene(1, address => ({
    workers: 2,
    upstreams: {
      a: {
        ...FORGIVING,
        protocol: 'h2c',
        endpoints: [{ address, connectionsMax: 1 }],
        queue: { size: 1000, timeoutMs: 10_000 },
      },
    },
  }))
})
afterAll(() => scene[Symbol.asyncDispose]())

it('workers take turns at a connection that is the only one, however many streams it could bear', async () => {
  scene.play(async peer => {
    for (;;) {
      const { stream } = await peer.message()
      await peer.send(headersFrame(stream, responseFields(200)), dataFrame(stream, 'x', true))
    }
  })
  const served = new Set<number>()
  const clients = await Promise.all(Array.from({ length: 30 }, () => scene.client()))
  const play = async (client: (typeof clients)[number]) => {
    for (let round = 0; round < 4; round += 1) {
      await client.send(get('/'))
      served.add((await client.readResponse({ deadlineMs: 10_000 })).status)
    }
  }
  await Promise.all(clients.map(play))
  expect([...served]).toEqual([200])
  const workers = (await scene.proxy.reports()).map(({ records }) => records.length)
  expect(workers.reduce((sum, count) => sum + count)).toBe(120)
  expect(Math.min(...workers)).toBeGreaterThan(0)
  await scene.rest()
})
