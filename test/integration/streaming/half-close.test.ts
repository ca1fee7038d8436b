import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { head, ok } from '../../support/heads.ts'
import { openStage, type Stage } from '../../support/stage.ts'
import { waitFor } from '../../support/wait-for.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

describe('a client that closes its side behind its request', () => {
  it.each([head('GET / HTTP/1.1', 'Host: a.example', 'Connection: close'), head('GET / HTTP/1.0', 'Host: a.example')])(
    'still gets the response to what it called its last request: %j',
    async request => {
      const client = await stage.client({ halfOpen: true })
      stage.play(async connection => {
        await connection.expectHead()
        client.socket.end()
        await connection.send(ok('late'))
      })
      await client.send(request)
      expect((await client.readResponse()).content.toString()).toBe('late')
      expect(await client.closed).toBe('fin')
    },
  )
})

describe('a client that said FIN behind its last request and has gone', () => {
  it('is given up when no response begins', async () => {
    const client = await stage.client()
    stage.play(async connection => {
      await connection.expectHead()
      client.close()
      await connection.closed
    })
    await client.send(head('GET / HTTP/1.1', 'Host: a.example', 'Connection: close'))
    await waitFor(() => stage.proxy.stats().exchangesTotal > 2 && stage.proxy.stats().exchangesActive === 0)
  })
})
