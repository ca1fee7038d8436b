import { describe, expect, test } from 'vitest'
import { Explainer } from '../../../engine/explain/explain.ts'
import { ExplainError } from '../../../engine/explain/explain-error.ts'
import type { FlowExplanation, FlowQuestion } from '../../../engine/explain/flow-explanation.ts'
import { stateAtRest } from '../../../engine/explain/state.ts'
import { parseConfiguration } from '../../../src/config/load.ts'
import { readFlowDescription } from '../../../src/explain/flow-spec.ts'
import { parseRequestLine, readDescription } from '../../../src/explain/request-spec.ts'

const CERTS = `${import.meta.dirname}/../../src/config/golden/certs`

const YAML = `
listeners:
  web: { address: ":80" }
  pg: { address: ":5432", protocol: tcp, upstream: pg }
  names:
    address: ":443"
    protocol: tcp
    sni: [{ names: [db.example], alpn: [postgresql], upstream: pg }, { names: ["*.example"], upstream: site }]
    first_bytes: { http: plain }
  ended:
    address: ":444"
    protocol: tcp
    upstream: plain
    tls: { certificates: [{ cert: ${CERTS}/good.crt, key: ${CERTS}/good.key }], alpn: [postgresql] }
    sni: [{ names: "*", alpn: postgresql, upstream: pg }]
  dns: { address: ":53", protocol: udp, upstream: dns }
upstreams:
  pg: { endpoints: [{ address: 10.0.0.1:5432 }] }
  site: { endpoints: [{ address: 10.0.0.2:443 }, { address: 10.0.0.3:443 }], balance: ip_hash }
  plain: { endpoints: [{ address: 10.0.0.4:80 }] }
  dns: { endpoints: [{ address: 10.0.0.53:53 }] }
routes: [{ respond: { body: hello } }]
`

async function explainer(): Promise<Explainer> {
  return await Explainer.open(stateAtRest(parseConfiguration(YAML, 'flows.yaml').snapshot))
}

async function explained(url: string, more: Partial<FlowQuestion> = {}): Promise<FlowExplanation> {
  const open = await explainer()
  try {
    return open.explainFlow({ ...readFlowDescription({ url }), ...more })
  } finally {
    open.close()
  }
}

describe('where a connection goes', () => {
  test.each([
    ['tcp://:5432', 'pg', 'pg', '', ''],
    ['tls://www.example:443', 'names', 'site', 'by sni *.example', ''],
    ['tls://db.example:443', 'names', 'site', 'by sni *.example', ''],
    ['tls://elsewhere.org:443', 'names', null, '', 'no_flow_route'],
    ['tcp://:443', 'names', null, '', 'first_bytes_timeout'],
    ['udp://:53', 'dns', 'dns', '', ''],
    ['tls://any.example:444', 'ended', 'plain', 'for what no rule takes', ''],
    ['tcp://:444', 'ended', null, '', 'handshake_failed'],
  ])('of %s: the listener %s, the upstream %s', async (url, listener, upstream, reason, error) => {
    const got = await explained(url)
    expect(got.listener.name).toBe(listener)
    expect(got.upstream?.name ?? null).toBe(upstream)
    expect(got.upstream?.reason ?? '').toBe(reason)
    expect(got.error).toBe(error)
  })

  test('goes by the protocols that the handshake offers, or that were agreed on where it ends here', async () => {
    const passed = await explained('tls://db.example:443', { alpn: ['postgresql'] })
    expect(passed.rules).toEqual([
      { rule: 'sni db.example with postgresql', upstream: 'pg', fits: true, chosen: true },
      { rule: 'sni *.example', upstream: 'site', fits: true, chosen: false },
      { rule: 'first_bytes http', upstream: 'plain', fits: false, chosen: false },
    ])
    const ended = await explained('tls://db.example:444', { alpn: ['h2', 'postgresql'] })
    expect(ended).toMatchObject({ isDecrypted: true, upstream: { name: 'pg' } })
  })

  test('is the same endpoint for the same client, where the upstream hashes', async () => {
    const open = await explainer()
    const endpointOf = (from: string) =>
      open.explainFlow({ ...readFlowDescription({ url: 'tls://a.example:443' }), from }).upstream
    const one = endpointOf('10.1.1.1')
    expect(one?.endpointReason).toBe('by the hash of the address 10.1.1.1')
    expect(endpointOf('10.1.1.1')?.endpoint).toBe(one?.endpoint)
    const all = Array.from({ length: 16 }, (_, index) => endpointOf(`10.1.${index}.1`)?.endpoint)
    expect(new Set(all).size).toBe(2)
    open.close()
  })

  test('is told of the listener that was asked for; others that speak something else are an error', async () => {
    expect((await explained('tcp://:1', { listener: 'pg' })).listener).toEqual({ name: 'pg', reason: 'as asked for' })
    await expect(explained('tcp://:80')).rejects.toThrow('speaks http: ask with http://')
    await expect(explained('tcp://:1', { listener: 'dns' })).rejects.toThrow('no listener "dns" that speaks tcp')
  })
})

describe('a request to a listener that reads none', () => {
  test('is explained as the connection that it is', async () => {
    const open = await explainer()
    const any = (line: string) => open.explainAny(readDescription(parseRequestLine(line)))
    expect(any('http://a.example:443/x')).toMatchObject({ begins: 'http', upstream: { name: 'plain' } })
    expect(any('https://a.example/x')).toMatchObject({ serverName: 'a.example', upstream: { name: 'site' } })
    expect(any('http://localhost:80/')).toMatchObject({ action: 'respond' })
    open.close()
  })

  test('is no request to be explained as such, and the error says where it goes', async () => {
    const open = await explainer()
    const asked = readDescription({ url: 'http://localhost:5432/' })
    expect(() => open.explain(asked)).toThrow(ExplainError)
    expect(() => open.explain(asked)).toThrow(
      'the listener pg speaks tcp, and reads no requests: the connection is passed on, and it goes to the upstream pg',
    )
    open.close()
  })
})
