import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface DemoConfiguration extends Disposable {
  readonly path: string
  /** Of the three origins, in their order; free at the moment. */
  readonly ports: readonly number[]
}

/** The demonstration's configuration, with ports that are free now instead of its own. */
export async function demoConfiguration(): Promise<DemoConfiguration> {
  const servers = [1, 2, 3].map(() => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map(server => once(server, 'listening')))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => once(server.close(), 'close')))

  let text = readFileSync(new URL('../../config/demo.yaml', import.meta.url), 'utf8')
  text = text.replace('address: :8080', 'address: 127.0.0.1:0')
  for (const [index, port] of ports.entries()) text = text.replace(`127.0.0.1:900${index + 1}`, `127.0.0.1:${port}`)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'))
  const path = join(folder, 'demo.yaml')
  writeFileSync(path, text)
  return { path, ports, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}
