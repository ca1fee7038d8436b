import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { parsePlaceholders } from '../../../../src/config/sources/placeholders.ts'
import { configurationFolder } from '../../../support/configuration-folder.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('a text', () => {
  const pieces = (text: string, isTemplate = false) => {
    const parsed = parsePlaceholders(text, isTemplate)
    return parsed.ok ? parsed.value : `${parsed.message}; ${parsed.hint}`
  }
  const variable = (name: string, otherwise: string | null = null, message: string | null = null) => ({
    kind: 'variable',
    name,
    otherwise,
    message,
  })

  test('is taken apart at variables in capitals and at files', () => {
    expect(pieces('a')).toEqual(['a'])
    expect(pieces('${A}')).toEqual([variable('A')])
    expect(pieces('x${A_1}y${_B}')).toEqual(['x', variable('A_1'), 'y', variable('_B')])
    expect(pieces('${A:-}${B:-b c}')).toEqual([variable('A', ''), variable('B', 'b c')])
    expect(pieces('${A:-${B:-c}}}')).toEqual([variable('A', '${B:-c}'), '}'])
    expect(pieces('${A:?set it, please}')).toEqual([variable('A', null, 'set it, please')])
    expect(pieces('${file:/run/x}')).toEqual([{ kind: 'file', name: '/run/x', otherwise: null, message: null }])
  })

  test('keeps what belongs to templates, and dollars that are none of either', () => {
    for (const text of ['${client_ip}', '${header.x-a}', '${1}', '${}', '$A', '$', '{A}', '${ A }', 'a$']) {
      expect(pieces(text)).toEqual([text])
    }
  })

  test('has "$${" for "${"; in a template that is left to the template', () => {
    expect(pieces('$${A} $${b} $$${C}')).toEqual(['${A} ${b} $${C}'])
    expect(pieces('$${A} $${b}', true)).toEqual(['$${A} $${b}'])
  })

  test.each([
    ['${A', '"${A" has no closing "}"; write $${ for a "${" that is none'],
    ['${A:-${B}', '"${A:-${B}" has no closing "}"; write $${ for a "${" that is none'],
    ['${Home}', '"${Home}" is no variable of the environment; their names are in capitals: ${HOME}'],
    ['${A-b}', '"${A-b}" is no variable of the environment; a default is written ${A:-b}'],
    ['${A:=b}', '"${A:=b}" is no variable of the environment; a default is written ${A:-b}'],
    ['${A:b}', '"${A:b}" is no variable of the environment; a default is written ${A:-b}'],
    ['${file:}', '${file:} names no file; write ${file:/run/secrets/NAME}'],
  ])('that looks like a placeholder and is none is refused with what was meant: %s', (text, expected) => {
    expect(pieces(text)).toBe(expected)
  })
})

const REST = 'listeners: { web: { address: 127.0.0.1:8080 } }\n'

describe('in a file', () => {
  test('variables are put in, with defaults where they are missing or empty', async () => {
    vi.stubEnv('SLUICE_PORT', '8081')
    vi.stubEnv('SLUICE_EMPTY', '')
    await using folder = await configurationFolder({
      'a.yaml': `
listeners:
  web: { address: "127.0.0.1:\${SLUICE_PORT}" }
  two: { address: "127.0.0.1:\${SLUICE_NONE:-8082}" }
  three: { address: "127.0.0.1:\${SLUICE_EMPTY:-\${SLUICE_NONE:-8083}}" }
routes:
  - respond: { body: "\${SLUICE_EMPTY}" }
`,
    })
    const { snapshot } = await folder.load('a.yaml')
    expect(snapshot.listeners.map(({ address }) => 'port' in address && address.port)).toEqual([8081, 8082, 8083])
  })

  test('a scalar that is one placeholder gets the kind that its key takes, in every language', async () => {
    vi.stubEnv('SLUICE_NUMBER', '7')
    vi.stubEnv('SLUICE_TRUE', 'true')
    await using folder = await configurationFolder({
      'a.yaml': `${REST}
upstreams:
  plain: { endpoints: [{ address: 127.0.0.1:1, weight: "\${SLUICE_NUMBER}", backup: "\${SLUICE_NONE:-false}" }] }
  block:
    endpoints:
      - address: 127.0.0.1:2
        weight: \${SLUICE_NUMBER}
    sticky: { cookie: "\${SLUICE_NUMBER}", secure: "\${SLUICE_TRUE}" }
routes: [{ split: [{ upstream: plain }, { upstream: block }] }]
`,
      'a.json': JSON.stringify({
        listeners: { web: { address: '127.0.0.1:8080' } },
        routes: [{ priority: '${SLUICE_NUMBER}', respond: { headers: { 'x-number': '${SLUICE_NUMBER}' } } }],
      }),
      'a.toml': `
[listeners.web]
address = "127.0.0.1:8080"
forwarded = "\${SLUICE_TRUE}"
[[routes]]
priority = "\${SLUICE_NUMBER}"
respond.body = "\${SLUICE_NUMBER}"
`,
    })
    const yaml = await folder.load('a.yaml')
    expect(yaml.snapshot.upstreams.map(({ endpoints }) => endpoints[0]?.weight)).toEqual([7, 7])
    expect(yaml.snapshot.upstreams[1]?.sticky).toMatchObject({
      cookie: '7',
      attributes: expect.stringContaining('Secure'),
    })
    expect((await folder.load('a.json')).snapshot.routes[0]).toMatchObject({ priority: 7 })
    const toml = await folder.load('a.toml')
    expect(toml.snapshot.listeners[0]?.forwarded).toBe(true)
    expect(toml.snapshot.routes[0]?.priority).toBe(7)
  })

  test('a placeholder that YAML cannot read is told to be put in quotes', async () => {
    await using folder = await configurationFolder({ 'a.yaml': 'listeners: { web: { address: ${SLUICE_NONE} } }\n' })
    expect(await folder.refusal('a.yaml')).toEqual([
      'a.yaml:1:31: not valid YAML: Unexpected flow-map-start at node end; in { } and [ ] a value with "${" in it stands in quotes [syntax]',
    ])
  })

  test('a variable that is missing is an error at its place, with what to do', async () => {
    await using folder = await configurationFolder({
      'a.yaml': `${REST}routes:\n  - priority: \${SLUICE_NONE}\n    respond: { body: "\${SLUICE_BODY:?say something}" }\n`,
      'a.toml': '[listeners.web]\naddress = ":${SLUICE_NONE}"\n[[routes]]\nrespond = {}\n',
    })
    expect(await folder.refusal('a.yaml')).toEqual([
      'a.yaml:3:15: routes[0].priority: the environment has no SLUICE_NONE; set it, or give a default: ${SLUICE_NONE:-...} [missing-variable]',
      'a.yaml:4:22: routes[0].respond.body: the environment has no SLUICE_BODY: say something [missing-variable]',
    ])
    expect(await folder.refusal('a.toml')).toEqual([
      'a.toml:2:11: listeners.web.address: the environment has no SLUICE_NONE; set it, or give a default: ${SLUICE_NONE:-...} [missing-variable]',
    ])
  })

  test('a value that does not fit says which variable it came from', async () => {
    vi.stubEnv('SLUICE_WEIGHT', 'heavy')
    await using folder = await configurationFolder({
      'a.yaml': `${REST}routes: [{ priority: "\${SLUICE_WEIGHT}", respond: {} }]\n`,
    })
    expect(await folder.refusal('a.yaml')).toEqual([
      'a.yaml:2:22: routes[0].priority: must be a whole number from -1000000 to 1000000 (from ${SLUICE_WEIGHT}) [wrong-type]',
    ])
  })

  test('keys are left as they are, and values of requests too', async () => {
    vi.stubEnv('SLUICE_NAME', 'x')
    await using folder = await configurationFolder({
      'a.yaml': `${REST}routes: [{ respond: { headers: { "\${SLUICE_NAME}": a } } }]\n`,
      'b.yaml': `${REST}
routes:
  - redirect: { to: "https://\${host}/\${SLUICE_NAME}\${path}" }
  - { match: { path: /b }, redirect: { to: "/$\${SLUICE_NAME}" } }
`,
    })
    expect((await folder.refusal('a.yaml'))[0]).toMatch(/\$\{SLUICE_NAME\}/)
    const [first, second] = (await folder.load('b.yaml')).snapshot.routes
    expect(first?.action).toMatchObject({ to: ['https://', { kind: 'host' }, '/x', { kind: 'path' }] })
    expect(second?.action).toMatchObject({ to: '/${SLUICE_NAME}' })
  })

  test('what is put into a template is text, whatever it holds', async () => {
    vi.stubEnv('SLUICE_ODD', 'a${client_ip}b')
    await using folder = await configurationFolder({
      'a.yaml': `${REST}routes: [{ redirect: { to: "/\${SLUICE_ODD}" } }]\n`,
    })
    expect((await folder.load('a.yaml')).snapshot.routes[0]?.action).toMatchObject({ to: '/a${client_ip}b' })
  })
})

describe('a file that is put into a scalar', () => {
  const sticky = (secret: string) => `${REST}
upstreams: { api: { endpoints: [{ address: 127.0.0.1:1 }], sticky: { cookie: sid, secret: "${secret}" } } }
routes: [{ upstream: api }]
`

  test('is found from the folder of the configuration, and loses the end of its line', async () => {
    await using folder = await configurationFolder({
      'a.yaml': sticky('${file:secrets/cookie}'),
      'secrets/cookie': 'sixteen-letters-or-more\n',
    })
    const { snapshot, files } = await folder.load('a.yaml')
    expect(snapshot.upstreams[0]?.sticky).toMatchObject({ secret: 'sixteen-letters-or-more' })
    expect(files).toEqual([`${folder.path}/a.yaml`, `${folder.path}/secrets/cookie`])
  })

  test('may be named by a variable', async () => {
    await using folder = await configurationFolder({
      'a.yaml': sticky('${file:${SLUICE_SECRETS:-secrets}/cookie}'),
      'secrets/cookie': 'sixteen-letters-or-more\r\n',
    })
    const { snapshot } = await folder.load('a.yaml')
    expect(snapshot.upstreams[0]?.sticky).toMatchObject({ secret: 'sixteen-letters-or-more' })
  })

  test('that is not there, is a folder, is too large or is no text is an error at its place', async () => {
    await using folder = await configurationFolder({ 'folder/x': '' })
    folder.write('large', 'x'.repeat(64 * 1024 + 1))
    folder.write('bytes', Uint8Array.of(0x61, 0xff))
    const refusals: string[] = []
    execFileSync('mkfifo', [join(folder.path, 'pipe')])
    for (const name of ['nowhere', 'folder', 'large', 'bytes', '/dev/zero', 'pipe']) {
      folder.write('a.yaml', sticky(`\${file:${name}}`))
      refusals.push(...(await folder.refusal('a.yaml')))
    }
    expect(refusals).toEqual(
      [
        '"nowhere": there is no such file [unreadable-file]',
        '"folder": is no regular file [unreadable-file]',
        '"large": is larger than 64KiB [too-large]',
        '"bytes": is not UTF-8 text [wrong-encoding]',
        '"/dev/zero": is no regular file [unreadable-file]',
        '"pipe": is no regular file [unreadable-file]',
      ].map(text => `a.yaml:3:91: upstreams.api.sticky.secret: the file ${text}`),
    )
  })

  test('never shows in an error, wherever it was put in', async () => {
    await using folder = await configurationFolder({
      'a.yaml': `
listeners: { web: { address: "\${file:secret}", protocol: "\${file:secret}" } }
routes:
  - { upstream: "\${file:secret}" }
  - { match: { path: "\${file:secret}", client_ip: ["\${file:secret}"] }, respond: { status: "\${file:secret}" } }
`,
      secret: 'hunter2 "and" more\n',
    })
    const lines = await folder.refusal('a.yaml')
    expect(lines.length).toBeGreaterThan(4)
    expect(lines.join('\n')).not.toMatch(/hunter|more/)
    expect(lines[0]).toBe('a.yaml:2:30: listeners.web.address: "***" has no port (from ${file:secret}) [wrong-address]')
  })
})
