import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { stringify } from 'yaml'
import { effectiveConfiguration } from '../../../src/config/effective.ts'
import { parseConfiguration, readFiles } from '../../../src/config/load.ts'
import { readText } from '../../../src/config/sources/read.ts'
import { configurationFolder } from '../../support/configuration-folder.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

function effective(text: string): Record<string, unknown> {
  return effectiveConfiguration(readText(text, 'a.yaml'), '.')
}

/** Keys that do not go with the defaults of others, and values that bound them. */
const CONTRARY = `
listeners:
  web: { address: 127.0.0.1:8080, limits: { head: 4KiB } }
  other: { address: unix:/run/x.sock }
resolver: { timeout: 1s }
upstreams:
  api:
    balance: least_time
    hash_on: { cookie: x }
    endpoints: [{ service: _http._tcp.api.internal }, { address: "10.0.0.1:1", backup: true, route: a }]
    health: { active: { type: tcp, interval: 1s, send: "x" }, passive: { eject: 10m, success_rate: {} } }
    retry: { on: [connect, 502], backoff: off }
    sticky: { route: jsessionid }
    circuit_breaker: { fallback: { route: sorry } }
    resolver: { max_ttl: 10s }
  asked:
    balance: hash
    hash_on: client_ip
    endpoints: [{ address: "10.0.0.2:1", max_connections: 5 }]
    health: { active: { interval: 1s }, passive: off }
    retry: off
    hedge: {}
    adaptive_concurrency: { maximum: 10, initial: 10 }
    sticky: { cookie: sid, secret: sixteen-letters-or-more }
    queue: {}
routes:
  - { name: sorry, match: { path: /sorry }, respond: { status: 503, body: "$$\{HOME} \${PATHS:-/x}" } }
  - { match: { path: /moved/* }, redirect: { to: "https://\${host}/$$\{path}/{*}" } }
  - { match: { path: /split, headers: { x-a: { present: true } }, any: [{ method: PUT }, { query: { q: a } }] },
      split: [{ upstream: api, weight: 95 }, { upstream: asked, when: { headers: { x-canary: "1" } } }] }
  - { upstream: asked, rewrite: { strip_prefix: /v1 }, headers: { response: { set: { x-a: "\${status}" } } } }
`

describe('the effective configuration', () => {
  const folder = join(import.meta.dirname, '../../../config')
  const published = readdirSync(folder).filter(name => /(?<![.]test)[.]yaml$/.test(name))

  test.each(published)('of config/%s gives the same snapshot when it is read again', name => {
    const text = readFileSync(join(folder, name), 'utf8')
    const again = parseConfiguration(stringify(effective(text)), 'again.yaml')
    expect(again.snapshot).toEqual(parseConfiguration(text, name).snapshot)
    expect(again.warnings).toEqual(parseConfiguration(text, name).warnings.map(() => expect.anything()))
  })

  test('leaves defaults out that do not go with what is written', () => {
    const written = effective(CONTRARY)
    const again = parseConfiguration(stringify(written).replace('***', 'sixteen-letters-or-more'), 'again.yaml')
    expect(again.snapshot).toEqual(parseConfiguration(CONTRARY, 'a.yaml').snapshot)
    expect(written).toMatchObject({
      listeners: { web: { limits: { head: '4KiB', target: '4KiB' } } },
      upstreams: {
        api: { health: { active: { timeout: '1s' }, passive: { max_eject: '10m' } } },
        asked: { health: { active: { timeout: '1s', path: '/', method: 'GET' } } },
      },
    })
    expect(Object.keys((written as { upstreams: { api: { sticky: object } } }).upstreams.api.sticky)).toEqual(['route'])
  })

  test('is in JSON as good as in YAML', () => {
    const again = parseConfiguration(JSON.stringify(effective(CONTRARY)).replace('***', 'x'.repeat(16)), 'again.json')
    expect(again.snapshot.routes).toEqual(parseConfiguration(CONTRARY, 'a.yaml').snapshot.routes)
  })

  test('has every default written out', () => {
    const { runtime, log, listeners } = effective(
      'listeners: { web: { address: ":1" } }\nroutes: [{ respond: {} }]',
    ) as {
      runtime: unknown
      log: unknown
      listeners: { web: object }
    }
    expect(runtime).toMatchObject({ workers: 'auto', shutdown_grace: '30s' })
    expect(log).toEqual({ level: 'info', format: 'json', access: { enabled: true, sample: 1 } })
    expect(listeners.web).toMatchObject({
      protocol: 'http',
      trusted_proxies: [],
      timeouts: { head: '30s', idle: '75s' },
    })
  })

  test('puts all files together and says nothing of them', async () => {
    await using files = await configurationFolder({
      'sluice.yaml': '$schema: x\ninclude: a.toml\nlisteners: { web: { address: ":1" } }\n',
      'a.toml': '[[routes]]\nname = "toml"\nrespond.body = "x"\n',
    })
    const { source, folder } = await readFiles(join(files.path, 'sluice.yaml'))
    const shown = effectiveConfiguration(source, folder)
    expect(Object.keys(shown)).not.toContain('include')
    expect(Object.keys(shown)).not.toContain('$schema')
    expect(shown.routes).toMatchObject([{ name: 'toml', respond: { body: 'x' } }])
  })
})

describe('a secret', () => {
  const configuration = (secret: string, header = 'x') => `
listeners: { web: { address: 127.0.0.1:8080 } }
upstreams: { api: { endpoints: [{ address: "10.0.0.1:1" }], sticky: { cookie: sid, secret: ${JSON.stringify(secret)} } } }
routes: [{ upstream: api, headers: { request: { set: { authorization: ${JSON.stringify(header)} } } } }]
`
  const shown = async (secret: string, header?: string) => {
    await using files = await configurationFolder({
      'sluice.yaml': configuration(secret, header),
      token: 'the-secret-of-a-file',
    })
    const { source, folder } = await readFiles(join(files.path, 'sluice.yaml'))
    return stringify(effectiveConfiguration(source, folder)).replaceAll(files.path, '.')
  }

  test('that is written out is masked', async () => {
    const text = await shown('sixteen-letters-or-more')
    expect(text).toContain('secret: "***"')
    expect(text).not.toContain('sixteen')
  })

  test('that comes from a file or a variable is shown as where it comes from, so that it can be read again', async () => {
    vi.stubEnv('SLUICE_SECRET', 'sixteen-letters-or-more')
    const fromFile = await shown('${file:token}', 'Bearer ${file:token}')
    expect(fromFile).toContain('secret: ${file:./token}')
    expect(fromFile).toContain('authorization: Bearer ${file:./token}')
    expect(fromFile).not.toContain('the-secret')
    const fromVariable = await shown('${SLUICE_SECRET}')
    expect(fromVariable).toContain('secret: ${SLUICE_SECRET}')
    expect(fromVariable).not.toContain('sixteen')
  })

  test('that is the default of a variable is masked, and variables elsewhere are shown as they are', async () => {
    const text = await shown('${SLUICE_NONE:-sixteen-letters-or-more}', '${SLUICE_NONE:-shown}')
    expect(text).toContain('secret: "***"')
    expect(text).toContain('authorization: shown')
    expect(text).not.toContain('sixteen')
  })

  test('that is only a mask is refused: everybody knows that one', () => {
    const text = configuration('***')
    expect(() => parseConfiguration(text, 'a.yaml')).toThrow(
      /^a.yaml:3:92: upstreams.api.sticky.secret: \*\*\* is what stands for a secret where it is not shown[^\n]+$/,
    )
  })
})
