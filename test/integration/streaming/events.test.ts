import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Bell, within } from '../../support/bell.ts'
import { chunk, get, head, lastChunk, ok } from '../../support/heads.ts'
import type { ScriptedConnection } from '../../support/scripted-origin.ts'
import { openStage, type Stage } from '../../support/stage.ts'

const EVENTS = 30

/** Counts what a client has seen, so that an origin can wait for it. */
class Seen {
  #count = 0
  readonly #bell = new Bell()

  reach(count: number): void {
    this.#count = count
    this.#bell.ring()
  }

  async wait(count: number): Promise<void> {
    const loop = async () => {
      while (this.#count < count) await this.#bell.wait()
    }
    await within(loop(), 5_000, () => `a client that has seen ${count} events; ${this.#count} so far`)
  }
}

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

describe('events of a stream', () => {
  const framings = [
    { name: 'chunked', fields: ['Transfer-Encoding: chunked'], frame: chunk, end: lastChunk() },
    { name: 'close-delimited', fields: [], frame: (text: string) => text, end: '' },
  ]

  it.each(framings)('reach the client, each before the next is sent, from a $name response', async framing => {
    const seen = new Seen()
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(head('HTTP/1.1 200 OK', 'Content-Type: text/event-stream', ...framing.fields))
      await seen.wait(1)
      for (let index = 0; index < EVENTS; index += 1) {
        await connection.send(framing.frame(`data: ${index}\n\n`))
        await seen.wait(index + 2)
      }
      await connection.send(framing.end)
      connection.close()
    })
    const client = await stage.client()
    await client.send(get('/events'))
    await client.readUntil(unread => unread.includes('\r\n\r\n'))
    seen.reach(1)
    for (let index = 0; index < EVENTS; index += 1) {
      await client.readUntil(unread => unread.includes(`data: ${index}\n\n`))
      seen.reach(index + 2)
    }
    const response = await client.readResponse()
    expect(response.framing).toBe('chunked')
    expect(response.content.toString()).toBe(Array.from({ length: EVENTS }, (_, n) => `data: ${n}\n\n`).join(''))
  })

  it('reach an HTTP/1.0 client, each before the next is sent', async () => {
    const seen = new Seen()
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
      for (let index = 0; index < EVENTS; index += 1) {
        await connection.send(chunk(`data: ${index}\n\n`))
        await seen.wait(index + 1)
      }
      await connection.send(lastChunk())
    })
    const client = await stage.client()
    await client.send(head('GET /events HTTP/1.0'))
    for (let index = 0; index < EVENTS; index += 1) {
      await client.readUntil(unread => unread.includes(`data: ${index}\n\n`))
      seen.reach(index + 1)
    }
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.framing).toBe('close')
    expect(await client.closed).toBe('fin')
  })
})

describe('content that goes both ways at once', () => {
  it('is echoed piece by piece while the request is still being sent', async () => {
    stage.play(async connection => {
      await connection.expectHead()
      await connection.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
      for (let index = 0; index < EVENTS; index += 1) {
        const piece = `piece ${index};`
        await connection.expectBytes(chunk(piece).length)
        await connection.send(chunk(`echo of ${piece}`))
      }
      await connection.expectBytes(lastChunk().length)
      await connection.send(lastChunk())
    })
    const client = await stage.client()
    await client.send(head('POST /echo HTTP/1.1', 'Host: a.example', 'Transfer-Encoding: chunked'))
    await client.readUntil(unread => unread.includes('\r\n\r\n'))
    for (let index = 0; index < EVENTS; index += 1) {
      await client.send(chunk(`piece ${index};`))
      await client.readUntil(unread => unread.includes(`echo of piece ${index};`))
    }
    await client.send(lastChunk())
    expect((await client.readResponse()).content.toString()).toContain('echo of piece 29;')
  })
})

describe('a long poll', () => {
  it('is answered when its origin has something to say, while others are served on the same proxy', async () => {
    const polls: ScriptedConnection[] = []
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        if (request.target === '/poll') polls.push(connection)
        else await connection.send(ok(request.target))
      }
    })
    const poller = await stage.client()
    const other = await stage.client()
    await poller.send(get('/poll'))
    for (let index = 0; index < 50; index += 1) {
      await other.send(get(`/${index}`))
      expect((await other.readResponse()).content.toString()).toBe(`/${index}`)
    }
    expect(poller.received.length).toBe(0)
    expect(polls.length).toBe(1)
    await polls[0]!.send(ok('news'))
    expect((await poller.readResponse()).content.toString()).toBe('news')
  })
})
