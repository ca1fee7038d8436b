import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readFlowDescription } from '../../../src/explain/flow-spec.ts'
import { flowText } from '../../../src/explain/flow-text.ts'
import { openExplainer } from '../../../src/explain/open-explainer.ts'

const FILE = join(import.meta.dirname, '../../../config/l4.yaml')

async function pageOf(url: string, alpn: readonly string[] = []): Promise<string> {
  using loaded = await openExplainer(FILE)
  const explanation = loaded.explainer.explainAny(readFlowDescription({ url, alpn }))
  if (!('protocol' in explanation)) throw new Error('it was explained as a request')
  return flowText(explanation)
}

test('a page says which rules were looked at, and where the connection goes', async () => {
  expect(await pageOf('tls://db.example.com:9443', ['postgresql'])).toBe(
    `
listener  names, it has port 9443
protocol  tcp
begins    with a handshake for db.example.com, ALPN postgresql
client    127.0.0.1

rules, in their order
  ✓ sni db.example.com with postgresql  chosen, to postgres
  · sni *.example.com                   fits too; the first one counts, to web

upstream  postgres, by sni db.example.com with postgresql
endpoint  127.0.0.1:54321, the fewest under way for its weight
          → 127.0.0.1:54321  up, weight 1, 0 under way
            127.0.0.1:54322  up, weight 1, 0 under way
balance   least_connections
`.trim(),
  )
})

test('a page says of a connection that nothing takes that it is closed', async () => {
  expect(await pageOf('tls://elsewhere.org:9443')).toMatch(/\nupstream {2}none: it is closed\nerror {5}no_flow_route$/)
})

test('a page of a datagram says nothing of rules and beginnings', async () => {
  const page = await pageOf('udp://:5353')
  expect(page).toMatch(
    /^listener {2}dns, it has port 5353\nprotocol {2}udp\nclient {4}127\.0\.0\.1\n\nupstream {2}resolvers\n/,
  )
})
