import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Configuration } from '../../../../src/config/load.ts'
import { loadConfigurationApart } from '../../../../src/config/load-apart.ts'
import { configurationFolder } from '../../../support/configuration-folder.ts'

/**
 * Modules are imported by Node itself, with hooks that the test runner's own imports do not go through. So they are loaded
 * in a process of their own, as `sluice start` does it; here one for several of them.
 */
const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))
/** Not written out, or the house would look for the files here. */
const HERE = '.'
const LOAD = join(ROOT, 'src', 'config', 'load.ts')

const SCRIPT = `
const { loadConfiguration } = await import(process.argv[1])
const loaded = []
for (const name of process.argv.slice(2)) {
  await loadConfiguration(name).then(
    ({ snapshot, files, hash }) => loaded.push({ snapshot, files, hash, refusal: [] }),
    error => loaded.push({ refusal: String(error.problems ? error.message : error.stack).split(/\\n/) }),
  )
}
console.log(JSON.stringify(loaded))
`

interface Loaded extends Pick<Configuration, 'snapshot' | 'files' | 'hash'> {
  readonly refusal: readonly string[]
}

/** Loads configurations of a folder one after the other; paths in what comes back are relative to it. */
async function loadAll(folder: string, names: readonly string[]): Promise<Loaded[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '-e', SCRIPT, LOAD, ...names],
    { cwd: folder },
  )
  return JSON.parse(stdout.replaceAll(`${folder}/`, '')) as Loaded[]
}

describe('a configuration that is a module', () => {
  test('gives an object, a promise, or a function of either, in TypeScript and in JavaScript', async () => {
    const object = "{ listeners: { web: { address: '127.0.0.1:8080' } } }"
    await using folder = await configurationFolder({
      'a.ts': `const configuration: object = ${object}\nexport default configuration\n`,
      'b.mts': `interface Named { readonly name: string }\nexport default (): object => (${object})\n`,
      'c.js': `export default async () => (${object})\n`,
      'd.mjs': `export default Promise.resolve(${object})\n`,
    })
    const names = ['a.ts', 'b.mts', 'c.js', 'd.mjs']
    const loaded = await loadAll(folder.path, names)
    expect(loaded.map(({ refusal }) => refusal)).toEqual(names.map(() => []))
    expect(loaded.map(({ snapshot }) => snapshot.listeners[0]?.name)).toEqual(names.map(() => 'web'))
    expect(loaded.map(({ files }) => files)).toEqual(names.map(name => [name]))
  })

  test('imports defineConfig from "sluice" wherever it lies, and files of its own', async () => {
    await using folder = await configurationFolder({
      'sluice.config.ts': `
import { defineConfig } from 'sluice'
import { port } from '${HERE}/lib/port.ts'
export default defineConfig({ listeners: { web: { address: \`127.0.0.1:\${port}\` } } })
`,
      'lib/port.ts': `import { base } from '${HERE}/base.mjs'\nexport const port: number = base + 81\n`,
      'lib/base.mjs': 'export const base = 8000\n',
    })
    const { snapshot, files, hash } = await loadConfigurationApart(join(folder.path, 'sluice.config.ts'))
    expect(snapshot.listeners[0]?.address).toMatchObject({ port: 8081 })
    expect(files.map(path => path.slice(folder.path.length + 1))).toEqual([
      'sluice.config.ts',
      'lib/port.ts',
      'lib/base.mjs',
    ])
    folder.write('lib/base.mjs', 'export const base = 9000\n')
    const changed = await loadConfigurationApart(join(folder.path, 'sluice.config.ts'))
    expect(changed.snapshot.listeners[0]?.address).toMatchObject({ port: 9081 })
    expect(changed.hash).not.toBe(hash)
  })

  test('can include files, and be included', async () => {
    await using folder = await configurationFolder({
      'sluice.config.mjs':
        "export default { include: ['conf.d/*'], listeners: { web: { address: '127.0.0.1:8080' } } }\n",
      'conf.d/a.yaml': 'routes: [{ name: yaml, respond: {} }]\n',
      'conf.d/b.config.mjs': "export default { routes: [{ name: 'module', match: { path: '/m' }, respond: {} }] }\n",
    })
    const [loaded] = await loadAll(folder.path, ['sluice.config.mjs'])
    expect(loaded?.snapshot.routes.map(({ name }) => name)).toEqual(['yaml', 'module'])
  })

  test('has its keys found where the text says plainly what they are', async () => {
    await using folder = await configurationFolder({
      'sluice.config.mjs': `
const upstreams = { api: { endpoints: [{ address: '127.0.0.1:1' }, { adress: ':2' }] } }
// adress: in a comment, and 'adress:' in a text
export default {
  listeners: { web: { address: '127.0.0.1:8080', limits: { fields: 0 } } },
  upstreams,
  routes: [
    { match: { path: '/a' }, respond: { status: 200 } },
    { match: { path: 'b' }, respond: { 'status': 1000, boddy: '' } },
    ...['c', 'd'].map(name => ({ name, match: { path: name }, upstream: 'nobody' })),
  ],
}
`,
    })
    const [loaded] = await loadAll(folder.path, ['sluice.config.mjs'])
    const errors = loaded?.refusal.filter(line => !line.includes(': warning: '))
    expect(errors?.map(line => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'sluice.config.mjs:5:60 listeners.web.limits.fields',
      // The object in the list is no key: the key of the list stands for it.
      'sluice.config.mjs:2:28 upstreams.api.endpoints[1].address',
      'sluice.config.mjs:2:70 upstreams.api.endpoints[1].adress',
      'sluice.config.mjs:9:16 routes[1].match.path',
      'sluice.config.mjs:9:40 routes[1].respond.status',
      'sluice.config.mjs:9:56 routes[1].respond.boddy',
      'sluice.config.mjs routes[2].match.path',
      'sluice.config.mjs:10:63 routes[2].upstream',
      'sluice.config.mjs routes[3].match.path',
      'sluice.config.mjs:10:63 routes[3].upstream',
    ])
  })

  test('that cannot be loaded says where and why', async () => {
    await using folder = await configurationFolder({
      'syntax.ts': 'export default {\n  a: 1\n  b: 2\n}\n',
      'syntax.mjs': 'export default {\n  a: 1\n  b: 2\n}\n',
      'throws.ts': 'const x: number = 1\nexport default () => {\n  throw new Error("no database")\n}\n',
      'missing.mjs': `import { x } from '${HERE}/lib/nowhere.mjs'\nexport default x\n`,
      'package.mjs': "import { x } from 'no-such-package'\nexport default x\n",
      'nothing.mjs': 'export const routes = []\n',
      'list.mjs': 'export default []\n',
      'function.mjs': 'export default () => 7\n',
      'enum.ts': 'export enum A { B }\nexport default {}\n',
      'exits.mjs': 'export default { listeners: {} }\nprocess.exit(0)\n',
      'hole.mjs': 'export default { routes: [, 7] }\n',
      'endless.mjs': 'export default { routes: new Array(3_000_000) }\n',
    })
    const names = ['syntax.ts', 'syntax.mjs', 'throws.ts', 'missing.mjs', 'package.mjs']
    names.push('nothing.mjs', 'list.mjs', 'function.mjs', 'enum.ts', 'exits.mjs', 'hole.mjs', 'endless.mjs')
    const loaded = await loadAll(folder.path, names)
    expect(loaded.flatMap(({ refusal }) => refusal)).toEqual([
      "syntax.ts:3:3: not a valid module: Expected ',', got 'ident' [wrong-module]",
      "syntax.mjs:3:3: not a valid module: Expected ',', got 'ident' [wrong-module]",
      'throws.ts:3:9: the module threw "no database" [wrong-module]',
      "missing.mjs:1:26: Cannot find module 'lib/nowhere.mjs' imported from missing.mjs [wrong-module]",
      "package.mjs:1:20: Cannot find package 'no-such-package' imported from package.mjs [wrong-module]",
      'nothing.mjs: has no default export; write: export default defineConfig({ ... }) [wrong-module]',
      'list.mjs: the default export is no configuration but a list; an object is wanted, as defineConfig takes it [wrong-module]',
      'function.mjs: the function that is the default export returns no configuration but a number; an object is wanted, as defineConfig takes it [wrong-module]',
      'enum.ts:1:8: not a valid module: TypeScript enum is not supported in strip-only mode [wrong-module]',
      'exits.mjs:2:9: calls process.exit(); throw an error that says what is wrong [wrong-module]',
      'hole.mjs:1:18: routes[0]: has no value; the list has a hole there [empty-value]',
      'endless.mjs:1:18: routes: there are more than 1000000 values [too-large]',
    ])
  })

  test('of a kind that cannot be imported is refused by its name', async () => {
    await using folder = await configurationFolder({ 'sluice.config.cjs': '' })
    expect(await folder.refusal('sluice.config.cjs')).toEqual([
      'sluice.config.cjs: the end of the name says no language that is known; names end in .yaml, .yml, .toml, .json, .ts, .mts, .js or .mjs [unknown-format]',
    ])
  })
})

describe('defineConfig', () => {
  test('lets the compiler refuse wrong keys and values, at every depth, and take what is right', async () => {
    // As `sluice` gives it; the package as a whole takes longer to compile.
    const index = join(ROOT, 'src', 'config', 'define-config.ts')
    await using folder = await configurationFolder({
      'right.ts': `
import { defineConfig } from '${index}'
export default defineConfig({
  include: ['conf.d/*.yaml'],
  listeners: { web: { address: ':8080', limits: { head: '32KiB' } } },
  upstreams: { api: { balance: 'hash', hash_on: { header: 'x-user' }, endpoints: [{ address: 'a:1', weight: 2 }] } },
  routes: [
    { match: { path: '/a/*', method: ['GET'], all: [{ headers: { 'x-a': { present: true } } }] }, upstream: 'api' },
    { respond: { status: 418 } },
  ],
})
export const later = defineConfig(async () => ({ listeners: { web: { address: ':1' } } }))
export const now = defineConfig(() => ({ listeners: { web: { address: ':1' } } }))
`,
      'wrong.ts': `
import { defineConfig } from '${index}'
defineConfig({ listners: {} })
defineConfig({ listeners: { web: { adress: ':1' } } })
defineConfig({ listeners: { web: { address: ':1', limits: { header: '1KiB' } } } })
defineConfig({ listeners: {}, upstreams: { a: { endpoints: [{ addres: 'a:1' }] } } })
defineConfig({ listeners: {}, routes: [{ match: { pth: '/' }, respond: {} }] })
defineConfig({ listeners: {}, routes: [{ respond: { status: '200' } }] })
defineConfig({ listeners: {}, upstreams: { a: { balance: 'robin', endpoints: [] } } })
defineConfig({ listeners: {}, routes: [{ match: { all: [{ hedders: {} }] }, respond: {} }] })
defineConfig(async () => ({ listeners: { web: { adress: ':1' } } }))
defineConfig(7)
`,
      'package.json': '{ "type": "module" }',
      'tsconfig.json': JSON.stringify({
        extends: join(ROOT, 'tsconfig.json'),
        compilerOptions: {
          rewriteRelativeImportExtensions: false,
          rootDir: '/',
          typeRoots: [join(ROOT, 'node_modules', '@types')],
        },
        include: [],
        files: ['right.ts', 'wrong.ts'],
      }),
    })
    const compiler = join(ROOT, 'node_modules', '.bin', 'tsc')
    const output = await promisify(execFile)(compiler, ['-p', folder.path, '--pretty', 'false'], {
      cwd: folder.path,
    }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    const errors = output
      .split('\n')
      .flatMap(line => /^(right|wrong)\.ts\((\d+),/.exec(line)?.slice(1, 3).join(' ') ?? [])
    expect([...new Set(errors)]).toEqual(Array.from({ length: 10 }, (_, index) => `wrong ${index + 3}`))
  }, 60_000)
})
