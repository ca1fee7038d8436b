import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { get, head, ok } from '../../support/heads.ts'
import { answerAll, openStage, type Stage } from '../../support/stage.ts'
import { valuesOf } from '../../support/strict-head.ts'
import { turns } from '../../support/turns.ts'

const CONTENT = 'the content that waits'
const EXPECTING = head(
  'POST /upload HTTP/1.1',
  'Host: a.example',
  `Content-Length: ${CONTENT.length}`,
  'Expect: 100-continue',
)

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterEach(() => stage.rest())
afterAll(() => stage[Symbol.asyncDispose]())

describe('Expect: 100-continue', () => {
  it('is put to the origin, whose 100 lets the client send its content, time and again', async () => {
    const client = await stage.client()
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectHead()
        expect(valuesOf(request.fields, 'expect')).toEqual(['100-continue'])
        // Neither has the proxy answered by itself, nor has the client's content come.
        await turns(20)
        expect(client.unread.length).toBe(0)
        expect(connection.unread.length).toBe(0)
        await connection.send(head('HTTP/1.1 100 Continue'))
        await connection.send(ok((await connection.expectContent(request)).toString()))
      }
    })
    for (let index = 0; index < 3; index += 1) {
      await client.send(EXPECTING)
      await client.readUntil(unread => unread.includes('\r\n\r\n'))
      expect(client.unread.toString()).toBe(head('HTTP/1.1 100 Continue'))
      await client.send(CONTENT)
      const response = await client.readResponse()
      expect(response.interim.map(({ status }) => status)).toEqual([100])
      expect(response.content.toString()).toBe(CONTENT)
    }
    expect(stage.connections.length).toBe(1)
  })

  it.each([417, 401, 200])(
    'is answered %i by an origin that wants no content, and the connection ends',
    async status => {
      stage.play(async connection => {
        await connection.expectHead()
        await connection.send(`${head(`HTTP/1.1 ${status} Final`, 'Content-Length: 5')}final`)
      })
      const client = await stage.client()
      await client.send(EXPECTING)
      const response = await client.readResponse()
      expect(response.interim).toEqual([])
      expect(response.status).toBe(status)
      expect(response.content.toString()).toBe('final')
      // Whether the content still comes cannot be known, so that neither connection can be used again (RFC 9110, 10.1.1).
      expect(valuesOf(response.fields, 'connection')).toEqual(['close'])
      expect(await client.closed).toBe('fin')
      await stage.connections[0]!.closed
    },
  )

  it('does not make a client wait that sends its content right away', async () => {
    stage.play(async connection => {
      for (;;) {
        const request = await connection.expectHead()
        const content = await connection.expectContent(request)
        await connection.send(ok(content.toString()))
      }
    })
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(EXPECTING + CONTENT)
      expect((await client.readResponse()).content.toString()).toBe(CONTENT)
    }
  })

  it('is not put to the origin by an HTTP/1.0 client (RFC 9110, 10.1.1)', async () => {
    stage.play(async connection => {
      const request = await connection.expectRequest()
      await connection.send(ok(JSON.stringify(valuesOf(request.fields, 'expect'))))
    })
    const client = await stage.client()
    await client.send(`${head('POST / HTTP/1.0', 'Content-Length: 3', 'Expect: 100-continue')}abc`)
    expect((await client.readResponse({ clientVersion: '1.0' })).content.toString()).toBe('[]')
  })

  it('other than 100-continue is refused with 417', async () => {
    stage.play(answerAll)
    const client = await stage.client()
    await client.send(get('/', 'Expect: a-miracle'))
    expect((await client.readResponse()).status).toBe(417)
    expect(stage.connections.length).toBe(0)
  })
})

describe('interim responses', () => {
  it('are passed on as they come, before the final response is there', async () => {
    const client = await stage.client()
    const links = ['Link: </style.css>; rel=preload; as=style', 'Link: </script.js>; rel=preload; as=script']
    stage.play(async connection => {
      await connection.expectRequest()
      await connection.send(head('HTTP/1.1 102 Processing'))
      await client.readUntil(unread => unread.includes('102 Processing\r\n\r\n'))
      await connection.send(head('HTTP/1.1 103 Early Hints', ...links))
      await client.readUntil(unread => unread.includes('as=script\r\n\r\n'))
      await connection.send(ok('final'))
    })
    await client.send(get())
    const response = await client.readResponse()
    expect(response.interim).toEqual([
      { status: 102, fields: [] },
      {
        status: 103,
        fields: [
          ['Link', '</style.css>; rel=preload; as=style'],
          ['Link', '</script.js>; rel=preload; as=script'],
        ],
      },
    ])
    expect(response.content.toString()).toBe('final')
  })

  it('are passed on when they come together with the final response, on a connection that serves on', async () => {
    stage.play(async connection => {
      for (;;) {
        await connection.expectRequest()
        await connection.send(head('HTTP/1.1 103 Early Hints', 'Link: </a>') + ok('final'))
      }
    })
    const client = await stage.client()
    for (let index = 0; index < 3; index += 1) {
      await client.send(get())
      const response = await client.readResponse()
      expect(response.interim).toEqual([{ status: 103, fields: [['Link', '</a>']] }])
      expect(response.content.toString()).toBe('final')
    }
    expect(stage.connections.length).toBe(1)
  })

  it('never reach an HTTP/1.0 client', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      const hints = head('HTTP/1.1 103 Early Hints', 'Link: </a>')
      await connection.send(hints + head('HTTP/1.1 100 Continue') + ok('final'))
    })
    const client = await stage.client()
    await client.send(head('GET / HTTP/1.0'))
    const response = await client.readResponse({ clientVersion: '1.0' })
    expect(response.interim).toEqual([])
    expect(response.content.toString()).toBe('final')
  })

  it('lose the fields that belong to the upstream connection', async () => {
    stage.play(async connection => {
      await connection.expectRequest()
      const hints = head(
        'HTTP/1.1 103 Early Hints',
        'Connection: X-Hop',
        'X-Hop: 1',
        'Keep-Alive: timeout=9',
        'X-End: 1',
      )
      await connection.send(hints + ok('final'))
    })
    const client = await stage.client()
    await client.send(get())
    expect((await client.readResponse()).interim).toEqual([{ status: 103, fields: [['X-End', '1']] }])
  })
})
