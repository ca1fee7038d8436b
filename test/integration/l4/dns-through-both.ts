import { type DnsLoadReport, dnsLoadHosts, runDnsLoad } from '../../support/dns-load.ts'
import { startDnsmasq } from '../../support/dnsmasq.ts'
import { freePort } from '../../support/free-port.ts'
import { nginxProcess } from '../../support/nginx-process.ts'
import { startTestProxy } from '../../support/proxy.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

export interface BothReports {
  readonly sluice: DnsLoadReport
  readonly nginx: DnsLoadReport
}

/** The same queries to the same DNS server, through nginx's `stream` and through us, one after the other. */
export async function dnsThroughBoth(load: {
  readonly queries: number
  readonly sockets: number
  readonly perSecond: number
}): Promise<BothReports> {
  await using dnsmasq = await startDnsmasq({ hosts: dnsLoadHosts(), ttlS: 60 })
  await using folder = await temporaryFolder()
  const nginxPort = await freePort()
  const stream = `
    upstream dns { server ${dnsmasq.address}; }
    server { listen 127.0.0.1:${nginxPort} udp; proxy_pass dns; proxy_responses 1; proxy_timeout 30s; }
    server { listen 127.0.0.1:${nginxPort}; return ready; }`
  const port = Number(dnsmasq.address.split(':')[1])
  await using proxy = await startTestProxy({
    udpListeners: [{ responses: 1 }],
    upstreams: { dns: [{ kind: 'tcp', host: '127.0.0.1', port }] },
  })
  await using _nginx = await nginxProcess(folder, { stream }, nginxPort)
  const nginx = await runDnsLoad({ port: nginxPort, ...load })
  const sluice = await runDnsLoad({ port: proxy.port, ...load })
  return { sluice, nginx }
}
