import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ConfigurationError, formatProblem } from '../../../src/config/errors.ts'
import { checkConfiguration, loadConfiguration, parseConfiguration } from '../../../src/config/load.ts'
import { configurationFolder } from '../../support/configuration-folder.ts'

const MINIMAL = 'listeners: { web: { address: 127.0.0.1:8080 } }\nroutes: [{ respond: {} }]\n'

describe('a file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-config-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const load = async (name: string, content: string | Uint8Array) => {
    await writeFile(join(folder, name), content)
    return loadConfiguration(join(folder, name))
  }
  const refusalOf = (name: string, content: string | Uint8Array) =>
    load(name, content).then(
      () => 'accepted',
      (error: unknown) => (error as Error).message.replace(folder, ''),
    )

  test('of YAML or of JSON is loaded', async () => {
    const yaml = await load('a.yaml', MINIMAL)
    const json = await load(
      'a.json',
      JSON.stringify({ listeners: { web: { address: '127.0.0.1:8080' } }, routes: [{ respond: {} }] }, null, '\t'),
    )
    expect(json.snapshot).toEqual(yaml.snapshot)
    expect(yaml.name).toBe(join(folder, 'a.yaml'))
  })

  test('with a byte order mark or Windows line ends is loaded, and its errors are where they are', async () => {
    expect((await load('b.yaml', `\ufeff${MINIMAL}`)).snapshot.listeners).toHaveLength(1)
    expect(await refusalOf('c.yaml', '\ufefflisteners:\r\n  web: { adress: a }\r\nroutes: [{ respond: {} }]\r\n')).toBe(
      '/c.yaml:2:3: listeners.web.address: is missing [missing-key]\n' +
        `${join(folder, 'c.yaml')}:2:10: listeners.web.adress: unknown key; did you mean "address"? [unknown-key]`,
    )
  })

  test('that is not UTF-8 is refused', async () => {
    expect(await refusalOf('d.yaml', Uint8Array.of(0x61, 0xff))).toBe('/d.yaml: is not UTF-8 text [wrong-encoding]')
  })

  test('of more than 4 MiB is refused unread', async () => {
    expect(await refusalOf('e.yaml', '#'.repeat(4 * 1024 * 1024 + 1))).toBe('/e.yaml: is larger than 4MiB [too-large]')
  })

  test('that has no end is read no further than that', async () => {
    await expect(loadConfiguration('/dev/zero')).rejects.toThrow('/dev/zero: is larger than 4MiB')
  })

  test('of no known language is refused by its name; without an ending it is YAML', async () => {
    expect(await refusalOf('f.ini', '')).toBe(
      '/f.ini: the end of the name says no language that is known; names end in .yaml, .yml, .toml, .json, .ts, .mts, .js or .mjs [unknown-format]',
    )
    expect((await load('sluice', MINIMAL)).snapshot.listeners).toHaveLength(1)
  })

  test('that is empty is refused as that, in every language', async () => {
    for (const name of ['g.yaml', 'g.toml', 'g.json']) {
      expect(await refusalOf(name, '')).toMatch(/^\/g\.\w+:1:1: the configuration is empty; it needs/)
    }
  })

  test('that is not there, is a folder without any or may not be read is refused in one line with what to do', async () => {
    await mkdir(join(folder, 'folder'))
    await writeFile(join(folder, 'secret.yaml'), MINIMAL)
    await chmod(join(folder, 'secret.yaml'), 0)
    const names = ['nowhere.yaml', 'secret.yaml/x.yaml', 'folder']
    // To root every file is readable.
    if (process.getuid?.() !== 0) names.push('secret.yaml')
    for (const name of names) {
      const error = await loadConfiguration(join(folder, name)).catch((caught: unknown) => caught)
      expect(error).toBeInstanceOf(ConfigurationError)
      expect((error as Error).message).toMatch(
        /^[^\n]+: (there is no such file|has no configuration files|may not be read); [^\n]+$/,
      )
    }
  })
})

describe('an object', () => {
  const refusalOf = (value: unknown) => {
    try {
      checkConfiguration(value, 'object')
    } catch (error) {
      if (error instanceof ConfigurationError) return error.message
      throw error
    }
    return 'accepted'
  }

  test('is checked like a file; its errors have no position', () => {
    expect(refusalOf({ listeners: { web: { address: '127.0.0.1:8080' } } })).toBe('accepted')
    expect(refusalOf({ listeners: { web: { adress: ':1', protocol: 'spdy' } }, admin: {}, routes: [{}] })).toBe(
      [
        'object: listeners.web.address: is missing [missing-key]',
        'object: listeners.web.adress: unknown key; did you mean "address"? [unknown-key]',
        'object: listeners.web.protocol: must be one of http, tcp, udp, not the text "spdy" [wrong-value]',
        'object: admin: is not supported yet [not-supported-yet]',
        'object: routes[0]: the route has no action; give it "upstream", "split", "respond", "redirect" or "files" [no-action]',
      ].join('\n'),
    )
  })

  test('that contains itself, or a key that reaches the prototype, is refused', () => {
    const endless: Record<string, unknown> = {}
    endless.listeners = endless
    endless.routes = [endless]
    expect(refusalOf(endless)).toMatch('nested more than 64 deep')
    expect(refusalOf(JSON.parse('{"listeners":{"__proto__":{"address":":1"}}}'))).toBe(
      'object: listeners.__proto__: is not a usable key [unusable-key]',
    )
  })

  test.each([undefined, null, 5, 'text', [], () => 0, Symbol('x')])('that is none is refused: %s', value => {
    expect(refusalOf(value)).toMatch(/^object: (the configuration is empty|must be a map)/)
  })

  test('may leave keys undefined, as programs do', () => {
    expect(refusalOf({ listeners: { web: { address: ':1', limits: undefined } }, log: undefined })).toBe('accepted')
  })
})

describe('YAML', () => {
  test('may use anchors, aliases and merge keys; what stands in the map itself goes first', () => {
    const { snapshot } = parseConfiguration(
      `
listeners:
  one: { address: 127.0.0.1:1, limits: &limits { head: 8KiB, fields: 50 } }
  two: { address: 127.0.0.1:2, limits: { <<: *limits, fields: 60 } }
  three: { address: 127.0.0.1:3, limits: { fields: 70, <<: [*limits, { head: 4KiB, connections: 5 }] } }
  four: { address: 127.0.0.1:4, limits: *limits }
`,
      'anchors.yaml',
    )
    const limits = snapshot.listeners.map(({ limits }) => [
      limits.headBytesMax,
      limits.fieldLinesMax,
      limits.connectionsMax,
    ])
    expect(limits).toEqual([
      [8192, 50, 10_000],
      [8192, 60, 10_000],
      [8192, 70, 5],
      [8192, 50, 10_000],
    ])
  })

  test('may have "<<" as a quoted key, which merges nothing', () => {
    expect(() => parseConfiguration(`${MINIMAL}"<<": { routes: [] }\n`, 'a.yaml')).toThrow('unknown key')
  })
})

test('a problem is formatted on one line, whatever the file holds', () => {
  const kind = { severity: 'error', code: 'syntax' } as const
  const problem = {
    ...kind,
    file: 'a\nb.yaml',
    line: 1,
    column: 2,
    key: 'x',
    message: 'm\u001b[2J',
    hint: 'h\u2028',
  } as const
  expect(formatProblem(problem)).toBe('a\\u000ab.yaml:1:2: x: m\\u001b[2J; h\\u2028 [syntax]')
})

describe('without a path', () => {
  const from = process.cwd()
  afterEach(() => process.chdir(from))

  test.each(['sluice.yaml', 'sluice.yml', 'sluice.json'])('the file with a usual name is taken: %s', async name => {
    await using folder = await configurationFolder({ [name]: '{ "listeners": { "web": { "address": ":1" } } }' })
    process.chdir(folder.path)
    const configuration = await loadConfiguration()
    expect([configuration.name, configuration.snapshot.listeners.length]).toEqual([name, 1])
  })

  test('several such files are refused by name, and none with what to do', async () => {
    await using folder = await configurationFolder({ 'sluice.toml': '', 'sluice.config.mjs': '', 'sluice.yml': '' })
    process.chdir(folder.path)
    await expect(loadConfiguration()).rejects.toThrow(
      'sluice.yml: there is also sluice.toml, sluice.config.mjs, and only one of them can be meant; name it with -c FILE',
    )
    await using empty = await configurationFolder({})
    process.chdir(empty.path)
    await expect(loadConfiguration()).rejects.toThrow(
      'sluice.yaml: there is no such file; write one with sluice init, or name another with -c FILE',
    )
  })
})
