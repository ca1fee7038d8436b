import { describe, expect, it } from 'vitest'
import { within } from '../../support/bell.ts'
import { turns } from '../../support/turns.ts'
import type { ClientExchange, OriginExchange } from '../peers/exchange.ts'
import type { Scene } from '../scene.ts'

const SIZES = [
  ['no', 0],
  ['one byte of', 1],
  ['64 KiB of', 65_536],
  ['5 MB of', 5_000_000],
] as const

/** Bytes of every value, no two pieces of 64 KiB alike. */
function contentOf(size: number): Buffer {
  const content = Buffer.alloc(size)
  for (let at = 0; at < size; at += 4) content.writeUInt32LE((at * 2_654_435_761) % 2 ** 32, Math.min(at, size - 4))
  return content
}

const bytes = (size: number) => (size < 4 ? Buffer.alloc(size, 0xa5) : contentOf(size))

/** Writes until nothing is taken any more for some turns of the loop; gives how much was. */
async function writeUntilStuck(end: ClientExchange | OriginExchange, piece: Buffer, bytesMax: number): Promise<number> {
  let taken = 0
  while (taken < bytesMax) {
    const write = end.write(piece).then(() => true)
    const isTaken = await Promise.race([write, turns(200).then(() => false)])
    if (!isTaken) return taken
    taken += piece.length
  }
  return taken
}

/** Content both ways: whole, as it comes, and not faster than it is taken. */
export function contentBehaviours(sceneOf: () => Scene): void {
  describe.each(SIZES)('%s content', (_, size) => {
    const content = bytes(size)

    it('arrives at the origin with its length', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', content })
      const request = await origin.request()
      expect(request.length).toBe(size)
      expect(request.content.equals(content)).toBe(true)
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('arrives at the origin without a length', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'PUT', content, unknownLength: true })
      const request = await origin.request()
      expect(request.content.equals(content)).toBe(true)
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('arrives at the client with its length', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ content })
      const response = await client.response()
      expect(response.length).toBe(size)
      expect(response.content.equals(content)).toBe(true)
    })

    it('arrives at the client without a length', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ content, unknownLength: true })
      const response = await client.response()
      expect(response.length).toBe(null)
      expect(response.content.equals(content)).toBe(true)
    })
  })

  describe('content', () => {
    it('goes both ways at once', async () => {
      const content = bytes(1_000_000)
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await origin.respond({ open: true })
      const send = async (end: ClientExchange | OriginExchange) => {
        for (let at = 0; at < content.length; at += 50_000) await end.write(content.subarray(at, at + 50_000))
      }
      await Promise.all([send(client).then(() => client.end()), send(origin)])
      // A response that ends before its request may end that, too.
      expect((await origin.request()).content.equals(content)).toBe(true)
      await origin.end()
      expect((await client.response()).content.equals(content)).toBe(true)
    })

    it('of a request is passed on piece by piece', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      for (let index = 1; index <= 5; index += 1) {
        await client.write('piece')
        expect((await origin.incoming.receive(5 * index)).toString()).toBe('piece'.repeat(index))
      }
      await client.end()
      expect((await origin.request()).content.length).toBe(25)
      await origin.respond()
      await client.response()
    })

    it('of a response is passed on piece by piece', async () => {
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ open: true })
      expect((await client.head()).status).toBe(200)
      for (let index = 1; index <= 5; index += 1) {
        await origin.write('piece')
        expect((await client.incoming.receive(5 * index)).toString()).toBe('piece'.repeat(index))
      }
      await origin.end()
      expect((await client.response()).content.length).toBe(25)
    })

    it('of a declared length is passed on piece by piece', async () => {
      const spec = { fields: [['content-length', '10']], open: true } as const
      const [client, origin] = await sceneOf().exchange({ method: 'POST', ...spec })
      await client.write('first')
      await origin.incoming.receive(5)
      await origin.respond(spec)
      await origin.write('FIRST')
      await client.incoming.receive(5)
      await client.write('other')
      await client.end()
      expect((await origin.request()).content.toString()).toBe('firstother')
      await origin.write('OTHER')
      await origin.end()
      expect((await client.response()).content.toString()).toBe('FIRSTOTHER')
    })

    it('comes with GET, too', async () => {
      const [client, origin] = await sceneOf().exchange({ content: 'of a GET' })
      expect((await origin.request()).content.toString()).toBe('of a GET')
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it.each(['POST', 'PUT', 'PATCH'])('that %s does not have is of length 0', async method => {
      const [client, origin] = await sceneOf().exchange({ method, content: '' })
      expect(await origin.request()).toMatchObject({ method, length: 0 })
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })
  })

  describe('trailers', () => {
    it('of a request reach the origin', async () => {
      const trailers = [
        ['x-checksum', 'abc'],
        ['x-two', '1'],
        ['x-two', '2'],
      ] as const
      const spec = { method: 'POST', content: 'content', unknownLength: true, trailers } as const
      const [client, origin] = await sceneOf().exchange(spec)
      expect(await origin.request()).toMatchObject({ trailers })
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('of a response reach the client', async () => {
      const trailers = [
        ['grpc-status', '0'],
        ['grpc-message', 'caf%C3%A9'],
      ] as const
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ content: 'content', unknownLength: true, trailers })
      const response = await client.response()
      expect(response.trailers).toEqual(trailers)
      expect(response.content.toString()).toBe('content')
    })

    it('follow no content, too', async () => {
      const trailers = [['x-end', 'yes']] as const
      const [client, origin] = await sceneOf().exchange()
      await origin.respond({ unknownLength: true, open: true })
      await origin.end(trailers)
      expect(await client.response()).toMatchObject({ trailers })
    })

    it('go both ways in one exchange', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await client.write('ask')
      await client.end([['x-asked', '1']])
      expect((await origin.request()).trailers).toEqual([['x-asked', '1']])
      await origin.respond({ open: true })
      await origin.write('answer')
      await origin.end([['x-answered', '2']])
      expect((await client.response()).trailers).toEqual([['x-answered', '2']])
    })
  })

  describe('Expect: 100-continue', () => {
    const spec = { method: 'POST', open: true, fields: [['expect', '100-continue']] } as const

    it('is put to the origin, whose 100 lets the client send its content', async () => {
      const [client, origin] = await sceneOf().exchange(spec)
      expect(origin.head.fields).toContainEqual(['expect', '100-continue'])
      origin.interim(100)
      expect(await client.interims(1)).toMatchObject([{ status: 100 }])
      await client.write('content')
      await client.end()
      expect((await origin.request()).content.toString()).toBe('content')
      await origin.respond({ content: 'thanks' })
      expect((await client.response()).content.toString()).toBe('thanks')
    })

    it('may be answered with a refusal, whose client sends no content', async () => {
      const [client, origin] = await sceneOf().exchange(spec)
      await origin.respond({ status: 413, content: 'too much' })
      const response = await client.response()
      expect([response.status, response.content.toString()]).toEqual([413, 'too much'])
    })

    it('does not keep a client waiting that sends its content right away', async () => {
      const [client, origin] = await sceneOf().exchange(spec)
      await client.write('at once')
      await client.end()
      expect((await origin.request()).content.toString()).toBe('at once')
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })
  })

  describe('an answer before the end of the request', () => {
    it('reaches the client while it still sends', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await client.write('a part')
      await origin.incoming.receive(6)
      await origin.respond({ status: 403, content: 'no more, please' })
      const response = await client.response()
      expect([response.status, response.content.toString()]).toEqual([403, 'no more, please'])
    })

    it('reaches a client that waits with the rest until it has it', async () => {
      const [client, origin] = await sceneOf().exchange({ method: 'POST', open: true })
      await origin.respond({ open: true })
      await origin.write('begin')
      expect((await client.incoming.receive(5)).toString()).toBe('begin')
      await client.write('rest')
      await client.end()
      expect((await origin.request()).content.toString()).toBe('rest')
      await origin.end()
      expect((await client.response()).content.toString()).toBe('begin')
    })
  })

  describe('a slow reader', () => {
    const piece = Buffer.alloc(65_536, 'x')
    /** Of the kernel's and of HTTP/2's windows, on both sides; what is sent is several times as much. */
    const heldMax = 4 * 1024 * 1024
    const sent = 4 * heldMax

    it('at the client holds the origin back, and gets all of it in the end', async () => {
      const scene = sceneOf()
      const client = await scene.send({ authority: 'narrow.example' }, 'narrow')
      const origin = await scene.next('narrow')
      client.pause()
      await origin.respond({ open: true })
      const taken = await writeUntilStuck(origin, piece, sent)
      expect(taken).toBeLessThan(heldMax)
      client.resume()
      await within(origin.end(), 5_000, () => 'the end of a response that is read again')
      // One more than was taken: the write that was stuck.
      expect((await client.response()).content.length).toBe(taken + piece.length)
    })

    it('at the origin holds the client back, and gets all of it in the end', async () => {
      const scene = sceneOf()
      const client = await scene.send({ method: 'POST', authority: 'narrow.example', open: true }, 'narrow')
      const origin = await scene.next('narrow')
      origin.pause()
      const taken = await writeUntilStuck(client, piece, sent)
      expect(taken).toBeLessThan(heldMax)
      origin.resume()
      await within(client.end(), 5_000, () => 'the end of a request that is read again')
      expect((await origin.request()).content.length).toBe(taken + piece.length)
      await origin.respond()
      expect((await client.response()).status).toBe(200)
    })

    it('does not keep others of the same origin waiting', async () => {
      const scene = sceneOf()
      const [slow, origin] = await scene.exchange()
      slow.pause()
      await origin.respond({ open: true })
      await writeUntilStuck(origin, piece, 32 * 1024 * 1024)
      const [other, served] = await scene.exchange({ target: '/other' })
      await served.respond({ content: 'served' })
      expect((await other.response()).content.toString()).toBe('served')
      slow.resume()
      slow.cut()
    })
  })
}
