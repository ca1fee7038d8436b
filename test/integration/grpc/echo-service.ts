import {
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type MethodDefinition,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  type ServerOptions,
  type ServiceDefinition,
} from '@grpc/grpc-js'

/** A service whose messages are bytes, of all four kinds of calls, with the client and the server of grpc-js. */

const bytes = (value: Buffer): Buffer => value

function method(name: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/test.Echo/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  }
}

export const ONE = method('One', false, false)
export const SUM = method('Sum', true, false)
export const MANY = method('Many', false, true)
export const EACH = method('Each', true, true)

const SERVICE = { one: ONE, sum: SUM, many: MANY, each: EACH } satisfies ServiceDefinition

/** What a test has its server do. */
export interface Behaviour {
  readonly one?: handleUnaryCall<Buffer, Buffer>
  readonly sum?: handleClientStreamingCall<Buffer, Buffer>
  readonly many?: handleServerStreamingCall<Buffer, Buffer>
  readonly each?: handleBidiStreamingCall<Buffer, Buffer>
}

/** Answers with what it is asked, and with how much it was asked. */
const ECHO: Required<Behaviour> = {
  one: (call, respond) => respond(null, call.request),
  sum: (call, respond) => {
    let count = 0
    let length = 0
    call.on('data', (message: Buffer) => {
      count += 1
      length += message.length
    })
    call.on('end', () => respond(null, Buffer.from(`${count} ${length}`)))
  },
  many: call => {
    const count = Number(call.request.toString())
    for (let index = 0; index < count; index += 1) call.write(Buffer.from(String(index)))
    call.end()
  },
  each: call => {
    call.on('data', (message: Buffer) => {
      if (!call.write(message)) {
        call.pause()
        call.once('drain', () => call.resume())
      }
    })
    call.on('end', () => call.end())
  },
}

const OPTIONS = {
  'grpc.max_receive_message_length': 64 * 1024 * 1024,
  'grpc.max_send_message_length': 64 * 1024 * 1024,
}

export interface EchoServer extends AsyncDisposable {
  readonly port: number
  /** What it does instead, from here on. */
  behave(behaviour: Behaviour): void
  /** Ends all of its connections at once, and listens no more. */
  kill(): void
}

export async function echoServer(
  tls?: { readonly chain: string; readonly key: string },
  more: ServerOptions = {},
): Promise<EchoServer> {
  let current: Required<Behaviour> = ECHO
  const server = new Server({ ...OPTIONS, ...more })
  server.addService(SERVICE, {
    one: (call: Parameters<typeof ECHO.one>[0], respond: Parameters<typeof ECHO.one>[1]) => current.one(call, respond),
    sum: (call: Parameters<typeof ECHO.sum>[0], respond: Parameters<typeof ECHO.sum>[1]) => current.sum(call, respond),
    many: (call: Parameters<typeof ECHO.many>[0]) => current.many(call),
    each: (call: Parameters<typeof ECHO.each>[0]) => current.each(call),
  })
  const secured =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [{ cert_chain: Buffer.from(tls.chain), private_key: Buffer.from(tls.key) }])
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', secured, (error, bound) => (error === null ? resolve(bound) : reject(error)))
  })
  return {
    port,
    behave(behaviour) {
      current = { ...ECHO, ...behaviour }
    },
    kill: () => server.forceShutdown(),
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
    },
  }
}

/** A client of its own connection; `ca` for TLS. */
export function echoClient(port: number, ca?: string, more: ClientOptions = {}): Client {
  const Connected = makeGenericClientConstructor({}, 'test.Echo')
  const channel: ChannelCredentials =
    ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca))
  const options: ClientOptions = { ...OPTIONS, 'grpc.use_local_subchannel_pool': 1, ...more }
  return new Connected(`${ca === undefined ? '127.0.0.1' : 'localhost'}:${port}`, channel, options)
}
