import { once } from 'node:events'
import { type ClientRequest, request } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Origin, startOrigin } from '../../../src/demo/origin.ts'

let origin: Origin
let base: string

beforeEach(async () => {
  origin = await startOrigin({ name: 'blue', color: '#00f' }, '127.0.0.1', 0)
  base = `http://127.0.0.1:${origin.port}`
})

afterEach(() => origin.close())

describe("the demonstration's origin", () => {
  it('has a page that names it and needs nothing from elsewhere', async () => {
    const response = await fetch(`${base}/`)
    const html = await response.text()
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('x-origin')).toBe('blue')
    expect(html).toContain('<b class="badge">blue</b>')
    expect(html).not.toMatch(/(?:src|href)="?(?:https?:)?\/\//)
  })

  it('has a script on its page that parses', async () => {
    const script = /<script>(.*?)<\/script>/s.exec(await (await fetch(`${base}/`)).text())?.[1]
    expect(() => new Function(script ?? 'no script')).not.toThrow()
  })

  it('shows the request that it saw, duplicates and order of field lines included', async () => {
    const call = request(`${base}/echo?a=1`, { method: 'PUT', headers: { 'X-One': ['1', '2'], 'x-two': '3' } })
    const body = await answerTo(call, 'some content')
    expect(body).toMatchObject({
      origin: 'blue',
      method: 'PUT',
      target: '/echo?a=1',
      protocol: 'HTTP/1.1',
      content: { bytes: 12, text: 'some content' },
    })
    const lines = (body as { headers: string[] }).headers
    expect(lines.slice(0, 3)).toEqual(['X-One: 1', 'X-One: 2', 'x-two: 3'])
  })

  it('counts content that is too long to show', async () => {
    const response = await fetch(`${base}/echo`, { method: 'POST', body: 'x'.repeat(200_000) })
    const { content } = (await response.json()) as { content: { bytes: number; text: string } }
    expect(content.bytes).toBe(200_000)
    expect(content.text.length).toBe(64 * 1024)
  })

  it('sends the first event at once and then goes on', async () => {
    const response = await fetch(`${base}/events`)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
    for (let event = 0; event < 2; event++) {
      const { value } = await reader.read()
      expect(value).toMatch(/^data: \{"time":"[^"]+","origin":"blue"\}\n\n$/)
    }
    await reader.cancel()
  })

  it('answers with the status that is asked for, without content where there must be none', async () => {
    for (const status of [200, 204, 304, 404, 503]) {
      const response = await fetch(`${base}/status/${status}`)
      expect(response.status).toBe(status)
      expect(await response.text()).toBe(status === 204 || status === 304 ? '' : `${status} as you asked\n`)
    }
    expect((await fetch(`${base}/status/99`)).status).toBe(404)
  })

  it('streams as much as is asked for, up to its bound', async () => {
    const response = await fetch(`${base}/large?mib=3`)
    expect((await response.arrayBuffer()).byteLength).toBe(3 * 1024 * 1024)
    const bounded = await fetch(`${base}/large?mib=99999999`, { method: 'HEAD' })
    expect(bounded.headers.get('content-length')).toBe(String(1024 * 1024 * 1024))
    expect((await fetch(`${base}/large?mib=junk`, { method: 'HEAD' })).headers.get('content-length')).toBe('16777216')
  })

  it('takes the time that is asked for', async () => {
    expect(await (await fetch(`${base}/slow?ms=1`)).text()).toBe('blue took 1 ms\n')
  })

  it('answers targets that are no paths like paths that are not there', async () => {
    const call = request({ port: origin.port, host: '127.0.0.1', method: 'OPTIONS', path: '*' })
    call.end()
    const [response] = await once(call, 'response')
    expect(response.statusCode).toBe(404)
    response.resume()
  })

  it('lets go of everything when it is closed', async () => {
    const response = await fetch(`${base}/events`)
    await origin.close()
    await expect(response.text()).rejects.toThrow()
    origin = await startOrigin({ name: 'blue', color: '#00f' }, '127.0.0.1', origin.port)
  })
})

async function answerTo(call: ClientRequest, content: string): Promise<unknown> {
  call.end(content)
  const [response] = await once(call, 'response')
  let text = ''
  for await (const chunk of response) text += chunk
  return JSON.parse(text)
}
