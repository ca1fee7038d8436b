import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { listenOn } from '../../support/listen.ts'
import { type Command, Folder } from './command.ts'

/** A running `sluice start` for the tests of what is said to it. */

/** One worker, one route that answers every request with `body`. */
export function answering(body: string, extra = ''): string {
  return `runtime: { workers: 1 }\nlisteners: { web: { address: 127.0.0.1:0 } }\nroutes: [{ respond: { body: ${body} } }]\n${extra}`
}

export interface StartedInstance extends AsyncDisposable {
  readonly folder: Folder
  readonly command: Command
  readonly url: string
  readonly port: number
  /** What it answers now. */
  text(): Promise<string>
}

/** Resolves when it serves, and answers on its control socket unless it has none. */
export async function startInstance(
  files: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<StartedInstance> {
  const folder = await Folder.make(files)
  const command = folder.start('start', ...args)
  const url = await command.url('web')
  await command.message('control socket')
  return {
    folder,
    command,
    url,
    port: Number(new URL(url).port),
    text: async () => await (await fetch(url)).text(),
    async [Symbol.asyncDispose]() {
      await command[Symbol.asyncDispose]()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** An origin that holds every request until the test answers it. */
export async function holdingOrigin() {
  const held: ServerResponse[] = []
  const server = createServer((_, response) => {
    held.push(response)
    server.emit('held')
  })
  const listening = await listenOn(server)
  return {
    ...listening,
    yaml: `upstreams: { api: { endpoints: [{ address: 127.0.0.1:${listening.port} }] } }\nroutes: [{ upstream: api }]\n`,
    async next(): Promise<ServerResponse> {
      if (held.length === 0) await once(server, 'held')
      return held.shift()!
    },
  }
}
