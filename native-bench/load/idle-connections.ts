/** Connections of HTTP/1.1 that have made one request and stay open. */
import type { Socket } from 'node:net'
import { MessageReader, statusOf } from '../frame/http-message.ts'
import { GET, renderRequest } from '../frame/http-request.ts'
import { HeldConnections, type Outcome } from './held-connections.ts'

export class IdleConnections extends HeldConnections {
  protected ask(socket: Socket, port: number, { answered, failed }: Outcome): void {
    const reader = new MessageReader(({ head }) => {
      if (statusOf(head) === 200) answered()
      else failed(new Error(`status ${statusOf(head)} instead of 200`))
    })
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.read(bytes)
      } catch (error) {
        failed(error)
      }
    })
    socket.write(renderRequest(GET, port))
  }
}
