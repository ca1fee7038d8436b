import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ROOT, textOf } from './repository.ts'

const execute = promisify(execFile)

let folder: string
/** Where a user would work: an empty folder that the packed tarball was installed into. */
let consumer: string
const children: ChildProcess[] = []

/** This run's own Node first, whatever the machine has. */
const ENVIRONMENT = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) }

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-pack-'))
  consumer = join(folder, 'consumer')
  mkdirSync(consumer)
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }\n')
  await execute('npm', ['pack', '--pack-destination', folder], { cwd: ROOT, env: ENVIRONMENT })
  const tarball = readdirSync(folder).find(name => name.endsWith('.tgz'))
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  await execute('npm', ['install', ...flags, join(folder, tarball!)], { cwd: consumer, env: ENVIRONMENT })
}, 180_000)

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): string {
  const path = join(consumer, name)
  writeFileSync(path, text)
  return path
}

async function runScript(name: string, text: string): Promise<string> {
  const { stdout } = await execute(process.execPath, [write(name, text)], { cwd: consumer, env: ENVIRONMENT })
  return stdout
}

const CONFIGURATION = `
listeners:
  web: { address: 127.0.0.1:0 }
runtime: { workers: 1 }
routes:
  - match: { path: /hello }
    respond: { status: 200, body: "packed\\n" }
`

describe('the packed tarball, installed into an empty folder', () => {
  it('holds what users need and nothing else', () => {
    const files = readdirSync(join(consumer, 'node_modules', 'sluice'), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name).split('node_modules/sluice/')[1]!)
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'config/minimal.yaml', 'config/demo.yaml']))
    const odd = files.filter(
      path => !/^(?:dist\/.*(?:\.d\.ts|\.js)|config\/.*|docs\/.*|LICENSE|README\.md|package\.json)$/.test(path),
    )
    expect(odd).toEqual([])
  })

  it('has a command that tells its version', async () => {
    const { version } = JSON.parse(textOf('package.json')) as { version: string }
    const command = join(consumer, 'node_modules', '.bin', 'sluice')
    const { stdout } = await execute(command, ['--version'], { cwd: consumer, env: ENVIRONMENT })
    expect(stdout.trim()).toBe(version)
  })

  it('starts a proxy that answers, and ends in order on SIGTERM', async () => {
    const path = write('sluice.yaml', CONFIGURATION)
    const command = join(consumer, 'node_modules', '.bin', 'sluice')
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    const child = spawn(command, ['start', '-c', path], { cwd: consumer, env: ENVIRONMENT, stdio: [...stdio] })
    children.push(child)
    const lines: string[] = []
    child.stdout!.setEncoding('utf8').on('data', chunk => lines.push(chunk))
    const url = () => /"url":"(http:[^"]+)"/.exec(lines.join(''))?.[1] ?? ''
    await expect.poll(url, { timeout: 10_000 }).toMatch(/:\d+$/)

    const response = await fetch(`${url()}/hello`)
    expect(await response.text()).toBe('packed\n')
    child.kill('SIGTERM')
    const [code, signal] = await once(child, 'close')
    expect([code, signal]).toEqual([0, null])
    const log = lines.join('').trim().split('\n')
    const access = log.map(line => JSON.parse(line) as Record<string, unknown>).find(line => line.msg === 'access')
    expect(access).toMatchObject({ method: 'GET', target: '/hello', status: 200, listener: 'web', route: 'routes[0]' })
  })

  it('has the demonstration and its configuration', async () => {
    const output = await runScript(
      'demo.js',
      `
        import { existsSync } from 'node:fs'
        const { startDemo } = await import(new URL('./demo/demo.js', import.meta.resolve('sluice')))
        try {
          const demo = await startDemo()
          console.log(existsSync(demo.configurationPath))
          await demo.close()
        } catch (error) {
          // Its ports are fixed; a demonstration that runs on this machine already has them.
          console.log(error.code === 'EADDRINUSE')
        }
      `,
    )
    expect(output.trim()).toBe('true')
  })

  it('is a library: a proxy within an application', async () => {
    const output = await runScript(
      'library.js',
      `
        import { createProxy, defineConfig } from 'sluice'
        const configuration = defineConfig({
          listeners: { web: { address: '127.0.0.1:0' } },
          runtime: { workers: 1 },
          routes: [{ respond: { body: 'from a library' } }],
        })
        const proxy = await createProxy(configuration)
        const { port } = proxy.listeners[0].address
        console.log(await (await fetch('http://127.0.0.1:' + port)).text())
        await proxy.close()
      `,
    )
    expect(output.trim()).toBe('from a library')
  })

  it('gives the parts of the engine', async () => {
    const output = await runScript(
      'engine.js',
      `
        import * as engine from 'sluice/engine'
        console.log(typeof engine.startEngine)
      `,
    )
    expect(output.trim()).toBe('function')
  })

  it('has declarations that a TypeScript program compiles against', async () => {
    write(
      'program.ts',
      `
        import { type BoundListener, ConfigurationError, createProxy, defineConfig, type Proxy } from 'sluice'
        import * as engine from 'sluice/engine'
        const configuration = defineConfig({
          listeners: { web: { address: '127.0.0.1:0' } },
          upstreams: { api: { endpoints: [{ address: '127.0.0.1:3000', weight: 2 }] } },
          routes: [{ match: { path: '/users/*' }, upstream: 'api' }],
        })
        const proxy: Proxy = await createProxy(configuration, { onEvent: event => console.log(event.kind) })
        const listener: BoundListener | undefined = proxy.listeners[0]
        console.log(listener?.name, proxy.stats().exchangesTotal, ConfigurationError.name, typeof engine.startEngine)
        // @ts-expect-error: a number is no configuration
        await createProxy(42)
        // @ts-expect-error: a key that the language does not have
        defineConfig({ listeners: { web: { adress: '127.0.0.1:0' } } })
      `,
    )
    const options = {
      strict: true,
      noEmit: true,
      skipLibCheck: false,
      exactOptionalPropertyTypes: true,
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module: 'nodenext',
      moduleResolution: 'nodenext',
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    }
    write('tsconfig.json', JSON.stringify({ compilerOptions: options, files: ['program.ts'] }))
    const compiler = join(ROOT, 'node_modules', '.bin', 'tsc')
    const { stdout } = await execute(compiler, ['-p', consumer], { cwd: consumer, env: ENVIRONMENT }).catch(
      error => error,
    )
    expect(stdout).toBe('')
  })
})
