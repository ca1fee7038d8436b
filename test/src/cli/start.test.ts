import { once } from 'node:events'
import { connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listenOn } from '../../support/listen.ts'
import { Folder } from './command.ts'
import { holdingOrigin } from './instance.ts'

const WEB = 'runtime: { workers: 1 }\nlisteners: { web: { address: 127.0.0.1:0 } }\n'
const HELLO = `${WEB}routes: [{ respond: { body: hello } }]\n`

describe('start', () => {
  test('serves, logs one line with the URL for each listener, and ends with 0 on SIGTERM and on SIGINT', async () => {
    await using folder = await Folder.make()
    const path = join(folder.path, 'web.sock')
    const text = `runtime: { workers: 2 }
listeners: { web: { address: 127.0.0.1:0 }, all: { address: 0.0.0.0:0 }, local: { address: "unix:${path}" } }
routes: [{ respond: { body: hello } }]
`
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      await using files = await Folder.make({ 'sluice.yaml': text })
      await using command = files.start('start')
      const url = await command.url('web')
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/)
      expect(await (await fetch(url)).text()).toBe('hello')
      expect(await command.url('all')).toMatch(/^http:\/\/localhost:[1-9][0-9]*$/)
      expect(await command.url('local')).toBe(`unix:${path}`)
      command.signal(signal)
      const outcome = await command.outcome()
      expect(outcome).toMatchObject({ code: 0, stderr: '' })
      const urls = command.lines().filter(line => line.url !== undefined)
      expect(urls.map(line => line.listener)).toEqual(['web', 'all', 'local'])
      expect(command.lines().map(line => line.msg)).toContain('stopped')
    }
  })

  test('lets a running request finish after SIGTERM, and accepts no other', async () => {
    await using origin = await holdingOrigin()
    await using folder = await Folder.make({ 'sluice.yaml': WEB + origin.yaml })
    await using command = folder.start('start')
    const url = await command.url('web')
    const response = fetch(url)
    const held = await origin.next()
    command.signal('SIGTERM')
    await command.until(() => command.lines().find(line => line.msg.startsWith('SIGTERM')))
    held.end('late but whole')
    expect(await (await response).text()).toBe('late but whole')
    expect(await command.outcome()).toMatchObject({ code: 0 })
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second signal, %s, ends it at once with %i', async (second, code) => {
    await using origin = await holdingOrigin()
    await using folder = await Folder.make({ 'sluice.yaml': WEB + origin.yaml })
    await using command = folder.start('start')
    const cut = fetch(await command.url('web')).then(
      () => 'answered',
      () => 'cut',
    )
    await origin.next()
    command.signal('SIGTERM')
    await command.until(() => command.lines().find(line => line.msg.startsWith('SIGTERM')))
    command.signal(second)
    expect(await command.outcome()).toMatchObject({ code })
    expect(await cut).toBe('cut')
  })

  test('answers a request that outlives the shutdown grace with 503, and still ends with 0', async () => {
    await using origin = await holdingOrigin()
    const text = (WEB + origin.yaml).replace('workers: 1', 'workers: 1, shutdown_grace: 50ms')
    await using folder = await Folder.make({ 'sluice.yaml': text })
    await using command = folder.start('start')
    const answer = fetch(await command.url('web')).then(
      response => response.status,
      () => 'cut',
    )
    await origin.next()
    command.signal('SIGTERM')
    expect(await command.outcome()).toMatchObject({ code: 0 })
    expect(await answer).toBe(503)
  })

  test('writes an access line for each exchange', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': HELLO })
    await using command = folder.start('start')
    await (await fetch(`${await command.url('web')}/some/target?q`)).text()
    const line = await command.until(stdout => stdout.split('\n').find(text => text.includes('"msg":"access"')))
    expect(JSON.parse(line)).toMatchObject({ method: 'GET', target: '/some/target?q', status: 200 })
  })
})

describe('a listener that cannot be opened is one line that names it, and exit code 1:', () => {
  async function failureOf(address: string) {
    const text = `listeners: { fine: { address: 127.0.0.1:0 }, web: { address: "${address}" } }\n`
    await using folder = await Folder.make({ 'sluice.yaml': text })
    const outcome = await folder.run('start')
    expect(outcome.code).toBe(1)
    expect(outcome.stdout).toBe('')
    expect(outcome.stderr).toMatch(/^sluice: [^\n]*\bweb\b[^\n]*\n$/)
    return outcome.stderr
  }

  test('a port in use', async () => {
    await using other = await listenOn(createTcpServer())
    const line = await failureOf(`127.0.0.1:${other.port}`)
    expect(line).toContain(`127.0.0.1:${other.port}`)
    expect(line).toMatch(/in use/)
  })

  test('a unix socket on which somebody answers, who goes on answering', async () => {
    await using folder = await Folder.make()
    const path = join(folder.path, 'taken.sock')
    await using other = await listenOn(createTcpServer(), path)
    expect(await failureOf(`unix:${path}`)).toMatch(/in use/)
    const client = connect(path)
    await once(client, 'connect')
    client.destroy()
    expect(other.port).toBe(0)
  })

  test('a folder that is not there', async () => {
    expect(await failureOf('unix:/nowhere/at/all.sock')).toContain('unix:/nowhere/at/all.sock')
  })

  test('an address of another machine', async () => {
    // 192.0.2.0/24 is for documentation (RFC 5737): no machine has it.
    expect(await failureOf('192.0.2.1:8080')).toContain('192.0.2.1:8080')
  })

  test('a host name that does not resolve', async () => {
    // `.invalid` never resolves (RFC 6761).
    expect(await failureOf('nowhere.invalid:8080')).toMatch(/nowhere\.invalid:8080.*resolve/)
  })

  test.skipIf(process.getuid?.() === 0)('a port that needs privileges', async () => {
    expect(await failureOf('127.0.0.1:1')).toMatch(/permission/)
  })
})
