import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok } from '../../support/heads.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import { waitFor } from '../../support/wait-for.ts'

const IDLE_MS = 150

let stage: Stage
beforeAll(async () => {
  stage = await openStage(origin => ({
    upstreams: { a: { endpoints: [origin], timeouts: { responseMs: 20_000, idleMs: IDLE_MS } } },
  }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

/** Lets the idle deadline pass, were it running. */
async function letIdlePass(): Promise<void> {
  const end = performance.now() + IDLE_MS * 4
  await waitFor(() => performance.now() > end)
}

describe('an interim response', () => {
  it('leaves the origin all of its response deadline for the final one', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 103 Early Hints', 'Link: </a.css>'))
      await letIdlePass()
      await connection.send(ok('late'))
    })
    const client = await stage.client()
    await client.send(get('/'))
    const response = await client.readResponse()
    expect(response.interim.map(({ status }) => status)).toEqual([103])
    expect(response.content.toString()).toBe('late')
  })

  it('that asks for content leaves the client all of its content deadline to send it', async () => {
    stage.play(async connection => {
      const request = await connection.expectHead()
      await connection.send(head('HTTP/1.1 100 Continue'))
      await connection.send(ok((await connection.expectContent(request)).toString()))
    })
    const client = await stage.client()
    await client.send(head('POST / HTTP/1.1', 'Host: a.example', 'Content-Length: 4', 'Expect: 100-continue'))
    await client.readUntil(unread => unread.includes('100 Continue'))
    await letIdlePass()
    await client.send('late')
    expect((await client.readResponse()).content.toString()).toBe('late')
  })
})
