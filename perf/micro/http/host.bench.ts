/** Whether `Host` is one. */
import { isHost } from '../../../engine/http/host.ts'
import { bench, cycle, runIfMain } from '../harness.ts'

function check(name: string, hosts: readonly string[]): void {
  const next = cycle(hosts.map(host => Buffer.from(host, 'latin1')))
  bench(name, () => {
    const bytes = next()
    return isHost(bytes, 0, bytes.length)
  })
}

check('a name', ['api.example.com', 'www.example.org', 'a.example', 'static.assets.example.net'])
check('a name with a port', ['api.example.com:8080', 'localhost:3000', 'a.example:443'])
check('an address', ['127.0.0.1:8080', '192.0.2.17', '[2001:db8::1]:8443', '[::1]'])

await runIfMain(import.meta)
