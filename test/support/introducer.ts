import { connect, createServer } from 'node:net'
import { type Listening, listenOn } from './listen.ts'
import { sendSplit } from './send-split.ts'

/**
 * Passes connections on to a port of 127.0.0.1, each behind a header. What the client sends first goes with the header, both in
 * pieces of so many bytes.
 */
export async function introducer(port: number, header: Buffer, pieceBytes: number): Promise<Listening> {
  const server = createServer({ noDelay: true }, near => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    near.on('error', () => far.destroy())
    near.on('close', () => far.destroy())
    far.on('error', () => near.destroy())
    far.on('close', () => near.destroy())
    near.once('data', first => {
      near.pause()
      const bytes = Buffer.concat([header, first as Buffer])
      const offsets = Array.from(
        { length: Math.ceil(bytes.length / pieceBytes) - 1 },
        (_, index) => (index + 1) * pieceBytes,
      )
      void sendSplit(far, bytes, offsets).then(() => near.pipe(far))
    })
    far.pipe(near)
  })
  return await listenOn(server)
}
