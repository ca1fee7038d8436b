import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Address } from '../../../engine/snapshot.ts'
import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
import { freePort } from '../../support/free-port.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { nginxProcess } from '../../support/nginx-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

export interface NamedServers extends AsyncDisposable {
  readonly authority: TestAuthority
  /** What clients trust. */
  readonly authorityFile: string
  /** By the name that each has a certificate for: HTTPS, where a response says who gives it, and what name was asked for. */
  readonly secure: readonly Address[]
  /** Reads a header of the PROXY protocol, and tells what address it names. */
  readonly proxied: Address
}

function serverOf(name: string, port: number): string {
  return `server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${name}.pem;
    ssl_certificate_key ${name}.key;
    location / { return 200 "$ssl_server_name at ${name} by $server_protocol"; }
  }`
}

function serverBehind(port: number): string {
  return `server {
    listen 127.0.0.1:${port} proxy_protocol;
    location / { return 200 "$proxy_protocol_addr"; }
  }`
}

/** nginx with servers that have ports and certificates of their own, also for what is below their names. */
export async function startNamedServers(names: readonly string[]): Promise<NamedServers> {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const authority = await createAuthority()
  const authorityFile = folder.file('authority.pem')
  await writeFile(authorityFile, authority.certificate)
  const servers: string[] = []
  const ports: number[] = []
  for (const name of names) {
    const { chain, key } = await authority.issue({ names: [name, `*.${name}`] })
    await writeFile(folder.file(`${name}.pem`), chain)
    await writeFile(folder.file(`${name}.key`), key)
    const port = await freePort()
    servers.push(serverOf(name, port))
    ports.push(port)
  }
  const behind = await freePort()
  servers.push(serverBehind(behind))
  stack.use(await nginxProcess(folder, servers.join('\n'), behind))
  const at = (port: number): Address => ({ kind: 'tcp', host: '127.0.0.1', port })
  return {
    authority,
    authorityFile,
    secure: ports.map(at),
    proxied: at(behind),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Says that before anybody has asked, and then whatever it hears. */
export function startSpeaker(text: string): Promise<Listening> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => undefined)
    socket.write(text)
    socket.pipe(socket)
  })
  return listenOn(server)
}
