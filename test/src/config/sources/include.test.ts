import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseConfiguration } from '../../../../src/config/load.ts'
import { configurationFolder } from '../../../support/configuration-folder.ts'

const upstream = (name: string) => `upstreams: { ${name}: { endpoints: [{ address: 127.0.0.1:1 }] } }\n`
const route = (name: string) => `routes: [{ name: ${name}, match: { path: /${name} }, respond: {} }]\n`
const LISTENER = 'listeners: { web: { address: 127.0.0.1:8080 } }\n'

describe('include', () => {
  test('puts named things together by name, and routes one behind the other', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [conf.d/*.yaml, more.toml]\n${LISTENER}${route('own')}`,
      'conf.d/b.yaml': route('b'),
      'conf.d/a.yaml': `${upstream('api')}routes: [{ name: a, upstream: api }]\n`,
      'conf.d/c.toml': 'not included',
      'more.toml': '[listeners.second]\naddress = "127.0.0.1:8081"\n',
    })
    const { snapshot, name, files } = await folder.load('sluice.yaml')
    expect(snapshot.listeners.map(listener => listener.name)).toEqual(['web', 'second'])
    expect(snapshot.upstreams.map(({ name }) => name)).toEqual(['api'])
    expect(snapshot.routes.map(({ name }) => name)).toEqual(['own', 'a', 'b'])
    expect(name).toBe(`${folder.path}/sluice.yaml`)
    expect(files.map(path => path.slice(folder.path.length + 1))).toEqual([
      'sluice.yaml',
      'conf.d/a.yaml',
      'conf.d/b.yaml',
      'more.toml',
      'conf.d',
    ])
  })

  test('takes a folder as all configuration files in it, by name', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: conf.d\n${LISTENER}`,
      'conf.d/20.json': '{"routes":[{"name":"json","respond":{}}]}',
      'conf.d/10.yml': route('yml'),
      'conf.d/30.toml': '[[routes]]\nname = "toml"\nmatch.path = "/t"\nrespond = {}\n',
      'conf.d/40.config.mjs': 'export default { routes: [{ name: "module", match: { path: "/m" }, respond: {} }] }',
      'conf.d/helper.mjs': 'throw new Error("nobody asked for this")',
      'conf.d/README.md': 'no configuration',
      'conf.d/.hidden.yaml': 'nor: this',
      'conf.d/below/x.yaml': 'nor: this',
    })
    const { snapshot } = await folder.load('sluice.yaml')
    expect(snapshot.routes.map(({ name }) => name)).toEqual(['yml', 'json', 'toml', 'module'])
  })

  test('may be nested, each file seen from its own folder, and a file counts once', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [sites/one.yaml, "sites/*.yaml", shared.yaml]\n${LISTENER}`,
      'sites/one.yaml': `include: parts/*.yaml\n${route('one')}`,
      'sites/two.yaml': `include: [../shared.yaml]\n${route('two')}`,
      'sites/parts/p.yaml': route('p'),
      'shared.yaml': upstream('shared') + route('shared'),
    })
    const { snapshot } = await folder.load('sluice.yaml')
    expect(snapshot.routes.map(({ name }) => name)).toEqual(['one', 'p', 'two', 'shared'])
  })

  test('matches nothing with a wildcard without complaint, and knows where to look for more', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [conf.d/*.yaml, "x/**/y.yaml"]\n${LISTENER}${route('own')}`,
    })
    const { files } = await folder.load('sluice.yaml')
    expect(files.map(path => path.slice(folder.path.length + 1))).toEqual(['sluice.yaml', 'conf.d', 'x'])
  })

  test('knows every folder in which a pattern looks', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: ["x/**/y.yaml", "z/*/*.yaml"]\n${LISTENER}${route('own')}`,
      'x/a/b/other.yaml': '',
      'z/c/d/other.yaml': '',
    })
    const { files } = await folder.load('sluice.yaml')
    expect(files.map(path => path.slice(folder.path.length + 1)).toSorted()).toEqual(
      ['sluice.yaml', 'x', 'x/a', 'x/a/b', 'z', 'z/c'].toSorted(),
    )
  })

  test('takes a name for a name, whatever is in it', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: ["a [b].yaml", "{c}"]\n${LISTENER}`,
      'a [b].yaml': route('odd'),
      '{c}/d.yaml': route('folder'),
    })
    expect((await folder.load('sluice.yaml')).snapshot.routes.map(({ name }) => name)).toEqual(['odd', 'folder'])
  })

  test('never waits for a pipe that happens to lie there', async () => {
    await using folder = await configurationFolder({ 'sluice.yaml': `include: conf.d\n${LISTENER}`, 'conf.d/x': '' })
    execFileSync('mkfifo', [join(folder.path, 'conf.d/pipe.yaml')])
    const refusal = 'sluice.yaml:1:10: include: "conf.d/pipe.yaml": is no regular file [unreadable-file]'
    expect(await folder.refusal('sluice.yaml')).toEqual(expect.arrayContaining([refusal]))
    expect(await folder.refusal('conf.d')).toEqual([expect.stringContaining('is no regular file')])
  })

  test('skips its own file where a pattern matches that', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: "*.yaml"\n${LISTENER}`,
      'other.yaml': route('other'),
    })
    expect((await folder.load('sluice.yaml')).snapshot.routes).toHaveLength(1)
  })

  test('leads back to no file that includes it', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: a.yaml\n${LISTENER}${route('own')}`,
      'a.yaml': 'include: [b.yaml]\n',
      'b.yaml': '\ninclude: a.yaml\n',
      'self.yaml': `include: self.yaml\n${LISTENER}${route('own')}`,
    })
    expect(await folder.refusal('sluice.yaml')).toEqual([
      'b.yaml:2:10: include: leads back to where it came from: a.yaml includes b.yaml includes a.yaml [wrong-include]',
    ])
    expect(await folder.refusal('self.yaml')).toEqual([
      'self.yaml:1:10: include: leads back to where it came from: self.yaml includes self.yaml [wrong-include]',
    ])
  })

  test('goes no deeper than anybody means', async () => {
    const chain = Array.from({ length: 30 }, (_, index) => [`${index}.yaml`, `include: ${index + 1}.yaml\n`])
    await using folder = await configurationFolder({ ...Object.fromEntries(chain), '30.yaml': LISTENER })
    expect(await folder.refusal('0.yaml')).toContain(
      '15.yaml:1:10: include: files include each other more than 16 deep [wrong-include]',
    )
  })

  test('says where a path leads nowhere, or is no path', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [nowhere.yaml, 7, "", notes.md, bad]\n${LISTENER}${route('own')}`,
      'notes.md': '',
      'bad/a.yaml': '',
      'list.yaml': `include: { a: b }\n${LISTENER}${route('own')}`,
    })
    folder.write('bad/a.yaml', Uint8Array.of(0xff))
    expect(await folder.refusal('sluice.yaml')).toEqual([
      'sluice.yaml:1:11: include[0]: there is no "nowhere.yaml" beside this file [wrong-include]',
      'sluice.yaml:1:25: include[1]: must be a path or a list of paths; such as include: [conf.d/*.yaml, more.toml] [wrong-type]',
      'sluice.yaml:1:28: include[2]: must be a path or a list of paths; such as include: [conf.d/*.yaml, more.toml] [wrong-type]',
      'sluice.yaml:1:32: include[3]: "notes.md": the end of the name says no language that is known; names end in .yaml, .yml, .toml, .json, .ts, .mts, .js or .mjs [unknown-format]',
      'sluice.yaml:1:42: include[4]: "bad/a.yaml": is not UTF-8 text [wrong-encoding]',
    ])
    expect(await folder.refusal('list.yaml')).toEqual([
      'list.yaml:1:10: include: must be a path or a list of paths; such as include: [conf.d/*.yaml, more.toml] [wrong-type]',
    ])
  })

  test('is for files: a text or an object has no folder that others could lie in', () => {
    expect(() => parseConfiguration(`include: x.yaml\n${LISTENER}${route('own')}`, 'a.yaml')).toThrow(
      'a.yaml:1:1: include: only a file can include others; give the path of a file instead [wrong-include]',
    )
  })
})

describe('several files', () => {
  test('never define a name or a section twice, and the error names both places', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: conf.d\n${LISTENER}\nlog: { level: info }\n${upstream('api')}${route('own')}`,
      'conf.d/a.toml': '[log]\nlevel = "warn"\n[upstreams.api]\nendpoints = []\n',
      'conf.d/b.yaml': `$schema: x\nlisteners:\n  other: { address: 127.0.0.1:1 }\n  web: { address: 127.0.0.1:2 }\n`,
    })
    const twice = (await folder.refusal('sluice.yaml')).filter(line => !line.includes('warning'))
    expect(twice).toEqual([
      'conf.d/a.toml:1:2: log: is defined twice; the first is in sluice.yaml, line 4; this section stands in one file [defined-twice]',
      'conf.d/a.toml:3:12: upstreams.api: is defined twice; the first is in sluice.yaml, line 5; give one of them another name [defined-twice]',
      'conf.d/b.yaml:4:3: listeners.web: is defined twice; the first is in sluice.yaml, line 2; give one of them another name [defined-twice]',
    ])
  })

  test('have each error in its own file, in the order in which they are read', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [a.yaml, b.toml]\nlisteners: { web: { adress: 1 } }\nroutes: [{ upstream: b }]\n`,
      'a.yaml': '# first\nroutes:\n  - { match: { path: x }, respond: {} }\n',
      'b.toml':
        '[[routes]]\nupstream = "nobody"\nmatch.path = "/b"\n\n[upstreams.b]\nendpoints = [{ address = "x" }]\n',
    })
    expect(await folder.refusal('sluice.yaml')).toEqual([
      'sluice.yaml:2:14: listeners.web.address: is missing [missing-key]',
      'sluice.yaml:2:21: listeners.web.adress: unknown key; did you mean "address"? [unknown-key]',
      'a.yaml:3:22: routes[1].match.path: "x" must start with "/"; did you mean "/x"? [wrong-path]',
      'b.toml:2:12: routes[2].upstream: there is no upstream named "nobody"; there is b [unknown-upstream]',
      'b.toml:6:26: upstreams.b.endpoints[0].address: "x" has no port [wrong-address]',
    ])
  })

  test('are all read before one that cannot be read ends it', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [a.yaml, b.toml, c.yaml]\n${LISTENER}`,
      'a.yaml': 'routes: [\n',
      'b.toml': 'x = \n',
      'c.yaml': 'wrong: 1\n',
    })
    const lines = await folder.refusal('sluice.yaml')
    expect(lines.map(line => line.split(':')[0])).toEqual(['a.yaml', 'b.toml'])
  })

  test('may be empty, and must be maps of the right kinds', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: [empty.yaml, list.yaml, kinds.yaml]\n${LISTENER}${route('own')}`,
      'empty.yaml': '# nothing yet\n',
      'list.yaml': '- a\n',
      'kinds.yaml': 'listeners: [a]\nroutes: { a: b }\n',
    })
    expect(await folder.refusal('sluice.yaml')).toEqual([
      'list.yaml:1:1: must be a map of keys and values [wrong-type]',
      'kinds.yaml:1:12: listeners: must be a map of names and values [wrong-type]',
      'kinds.yaml:2:9: routes: must be a list [wrong-type]',
    ])
  })

  test('share no anchors, but may have aliases in each', async () => {
    await using folder = await configurationFolder({
      'sluice.yaml': `include: a.yaml\n${LISTENER}`,
      'a.yaml': `
upstreams:
  one: &one { endpoints: [{ address: 127.0.0.1:1 }], pool: { idle: many } }
  two: *one
routes: [{ split: [{ upstream: one }, { upstream: two }] }]
`,
    })
    expect(await folder.refusal('sluice.yaml')).toEqual([
      'a.yaml:3:68: upstreams.one.pool.idle: must be a whole number from 0 to 10000 [wrong-type]',
      'a.yaml:3:68: upstreams.two.pool.idle: must be a whole number from 0 to 10000 [wrong-type]',
    ])
  })
})

describe('a folder as the configuration', () => {
  test('is all configuration files in it', async () => {
    await using folder = await configurationFolder({
      '1.yaml': LISTENER,
      '2.toml': '[[routes]]\nname = "toml"\nrespond = {}\n',
    })
    const { name, snapshot, files } = await folder.load('')
    expect([name, snapshot.routes.length, files.at(-1)]).toEqual([folder.path, 1, folder.path])
  })

  test('needs some', async () => {
    await using folder = await configurationFolder({ 'README.md': '' })
    expect(await folder.refusal('')).toEqual([
      '.: has no configuration files; files end in .yaml, .yml, .toml, .json, or .config.ts and the like [no-configuration]',
    ])
  })
})

describe('the hash', () => {
  const FILES = { 'sluice.yaml': `include: a.yaml\n${LISTENER}`, 'a.yaml': route('a') }

  test('is the same for the same files anywhere', async () => {
    await using one = await configurationFolder(FILES)
    await using other = await configurationFolder(FILES)
    const { hash } = await one.load('sluice.yaml')
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    expect((await other.load('sluice.yaml')).hash).toBe(hash)
  })

  test('is another when any byte or name of what is read is another', async () => {
    await using folder = await configurationFolder({ ...FILES, secret: 'one' })
    const hashes = new Set([(await folder.load('sluice.yaml')).hash])
    folder.write('a.yaml', `${route('a')} `)
    hashes.add((await folder.load('sluice.yaml')).hash)
    folder.write('a.yaml', 'routes: [{ respond: { body: "${file:secret}" } }]')
    hashes.add((await folder.load('sluice.yaml')).hash)
    folder.write('secret', 'two')
    hashes.add((await folder.load('sluice.yaml')).hash)
    expect(hashes.size).toBe(4)
  })
})
