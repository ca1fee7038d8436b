import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chunk, get, head, lastChunk, ok, post } from '../../support/heads.ts'
import { answerAll, openStage, type Stage } from '../../support/stage.ts'
import { turns } from '../../support/turns.ts'

const COUNT = 100

let stage: Stage
beforeAll(async () => {
  // Two endpoints at one origin, so that neighbours go different ways.
  stage = await openStage(origin => ({ upstreams: { a: [origin, origin] } }))
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

const numbers = Array.from({ length: COUNT }, (_, index) => index)

async function expectInOrder(client: Awaited<ReturnType<Stage['client']>>, contents: readonly string[]) {
  for (const [index, content] of contents.entries()) {
    const response = await client.readResponse()
    expect(`${index}: ${response.status} ${response.content}`).toBe(`${index}: 200 ${content}`)
  }
}

describe('a hundred requests sent at once', () => {
  it('are answered in order', async () => {
    stage.play(answerAll)
    const client = await stage.client()
    await client.send(numbers.map(index => get(`/${index}`)).join(''))
    await expectInOrder(
      client,
      numbers.map(index => `/${index}`),
    )
  })

  it('are answered in order when some take long and some do not', async () => {
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        await turns(Number(request.target.slice(1)) % 3 === 0 ? 30 : 1)
        await connection.send(ok(request.target))
      }
    })
    const client = await stage.client()
    await client.send(numbers.map(index => get(`/${index}`)).join(''))
    await expectInOrder(
      client,
      numbers.map(index => `/${index}`),
    )
  })

  it('are answered in order when they carry content, of all framings, more than one read can bring', async () => {
    stage.play(async connection => {
      for (;;) {
        const { target, content, trailers } = await connection.expectRequest()
        await connection.send(ok(`${target} ${content.length} ${content.at(-1) ?? ''} ${trailers.length}`))
      }
    })
    const contentOf = (index: number) => 'abcdefghij'.repeat(index * 7)
    const requestOf = (index: number) => {
      if (index % 4 === 0) return get(`/${index}`)
      if (index % 4 === 1) return post(`/${index}`, contentOf(index))
      const start = head(`PUT /${index} HTTP/1.1`, 'Host: a.example', 'Transfer-Encoding: chunked')
      if (index % 4 === 2) return start + chunk(contentOf(index)) + lastChunk()
      return start + chunk('x') + chunk(contentOf(index)) + lastChunk('X-Sum: 1', 'X-Sum: 2')
    }
    const answerOf = (index: number) => {
      const length = contentOf(index).length
      const last = 'j'.charCodeAt(0)
      return [`${length - length} `, `${length} ${last}`, `${length} ${last}`, `${length + 1} ${last}`][index % 4]!
    }
    const client = await stage.client()
    const bytes = numbers.map(requestOf).join('')
    expect(bytes.length).toBeGreaterThan(3 * 65_536)
    void client.send(bytes)
    await expectInOrder(
      client,
      numbers.map(index => `/${index} ${answerOf(index)} ${index % 4 === 3 ? 2 : 0}`),
    )
  })

  it('are answered up to the malformed one, which gets 400, and nothing behind it reaches the origin', async () => {
    const targets: string[] = []
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        targets.push(request.target)
        await connection.send(ok(request.target))
      }
    })
    const client = await stage.client()
    const malformed = 'GET /50 HTTP/1.1\r\nHost : a.example\r\n\r\n'
    await client.send(numbers.map(index => (index === 50 ? malformed : get(`/${index}`))).join(''))
    const good = numbers.slice(0, 50).map(index => `/${index}`)
    await expectInOrder(client, good)
    const refusal = await client.readResponse()
    expect(refusal.status).toBe(400)
    expect(refusal.fields).toContainEqual(['Connection', 'close'])
    expect(await client.readAll()).toEqual(Buffer.alloc(0))
    expect(await client.closed).toBe('fin')
    expect(targets).toEqual(good)
  })

  it('are answered up to the one that says close, and no further', async () => {
    const targets: string[] = []
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        targets.push(request.target)
        await connection.send(ok(request.target))
      }
    })
    const client = await stage.client()
    await client.send(numbers.map(index => get(`/${index}`, ...(index === 10 ? ['Connection: close'] : []))).join(''))
    const answered = numbers.slice(0, 11).map(index => `/${index}`)
    await expectInOrder(client, answered)
    expect(await client.readAll()).toEqual(Buffer.alloc(0))
    expect(await client.closed).toBe('fin')
    expect(targets).toEqual(answered)
  })

  it('go on behind an answer of 502 to one of them', async () => {
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectRequest()
        if (request.target === '/20') await connection.send('nonsense\r\n\r\n')
        else await connection.send(ok(request.target))
      }
    })
    const client = await stage.client()
    await client.send(numbers.map(index => get(`/${index}`)).join(''))
    for (const index of numbers) {
      const response = await client.readResponse()
      expect(`${index}: ${response.status}`).toBe(`${index}: ${index === 20 ? 502 : 200}`)
      if (index !== 20) expect(response.content.toString()).toBe(`/${index}`)
    }
  })

  it('keep their order with HEAD, 204, 304 and close-delimited answers between them', async () => {
    stage.play(async connection => {
      for (;;) {
        const { method, target } = await connection.expectRequest()
        const kind = Number(target.slice(1)) % 5
        if (method === 'HEAD') await connection.send(head('HTTP/1.1 200 OK', 'Content-Length: 1000'))
        else if (kind === 1) await connection.send(head('HTTP/1.1 204 No Content'))
        else if (kind === 2) await connection.send(head('HTTP/1.1 304 Not Modified', 'Content-Length: 1000'))
        else if (kind === 3) {
          await connection.send(head('HTTP/1.0 200 OK') + target)
          connection.close()
          return
        } else await connection.send(ok(target))
      }
    })
    const client = await stage.client()
    const methodOf = (index: number) => (index % 5 === 4 ? 'HEAD' : 'GET')
    await client.send(numbers.map(index => head(`${methodOf(index)} /${index} HTTP/1.1`, 'Host: a')).join(''))
    for (const index of numbers) {
      const response = await client.readResponse({ method: methodOf(index) })
      const content = [`/${index}`, '', '', `/${index}`, ''][index % 5]
      expect(`${index}: ${response.status} ${response.content}`).toBe(
        `${index}: ${[200, 204, 304, 200, 200][index % 5]} ${content}`,
      )
    }
  })

  it('are all answered to a client that has said FIN behind the last of them', async () => {
    stage.play(answerAll)
    const client = await stage.client({ halfOpen: true })
    await client.send(numbers.map(index => get(`/${index}`)).join(''))
    // Everything that can be said has been: the proxy has read nothing past the first request yet, or all of it.
    await expectInOrder(
      client,
      numbers.map(index => `/${index}`),
    )
    client.end()
    expect(await client.readAll()).toEqual(Buffer.alloc(0))
  })

  it('are answered in order when no answer fits into the kernel, to a client that reads late', async () => {
    const size = 1_500_000
    const letterOf = (target: string) => String.fromCharCode(97 + (Number(target.slice(1)) % 26))
    stage.play(async connection => {
      for (;;) {
        const { target } = await connection.expectRequest()
        await connection.send(head('HTTP/1.1 200 OK', `Content-Length: ${size}`))
        await connection.send(Buffer.alloc(size, letterOf(target)))
      }
    })
    const client = await stage.client()
    client.socket.pause()
    const some = numbers.slice(0, 20)
    await client.send(some.map(index => get(`/${index}`)).join(''))
    // An answer has come to a stop, with bytes in a slot.
    await expect.poll(async () => (await stage.proxy.reports())[0]!.slots).toBe(1)
    client.socket.resume()
    for (const index of some) {
      const { content } = await client.readResponse({ deadlineMs: 15_000 })
      expect(content.equals(Buffer.alloc(size, letterOf(`/${index}`)))).toBe(true)
    }
  })
})
