import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { listenOn } from '../../support/listen.ts'
import { SteadyLoad } from '../../support/steady-load.ts'
import { answering, type StartedInstance, startInstance } from './instance.ts'

const BAD = 'listeners: { web: { adress: 1 } }\nroutes: [{ upstream: nobody }]\n'

const write = (instance: StartedInstance, text: string) => writeFile(instance.folder.file('sluice.yaml'), text)

describe('SIGHUP', () => {
  test('takes the changed file over, and the log says which generation it is and what has changed', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    const start = await instance.command.message('generation 1')
    expect(start).toMatchObject({ generation: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(start.msg).toContain(`(${String(start.hash).slice(0, 12)})`)
    await write(instance, answering('two'))
    instance.command.signal('SIGHUP')
    const line = await instance.command.message('reloaded')
    expect(line).toMatchObject({ generation: 2, routes: { added: [], changed: ['routes[0]'], removed: [] } })
    expect(line.msg).toContain('generation 2')
    expect(line.hash).not.toBe(start.hash)
    expect(await instance.text()).toBe('two')
  })

  test('with a bad file leaves what is there, with every problem in the log, and a good one is taken over after it', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await write(instance, BAD)
    instance.command.signal('SIGHUP')
    const line = await instance.command.message('reload refused')
    expect(line.msg).toContain('generation 1 goes on')
    const messages = instance.command.lines().map(each => each.msg)
    expect(messages).toContainEqual(
      expect.stringMatching(/^sluice\.yaml:1:21: listeners\.web\.adress: unknown key; did you/),
    )
    expect(messages).toContainEqual(expect.stringMatching(/^sluice\.yaml:2:\d+: routes\[0\]\.upstream: /))
    expect(await instance.text()).toBe('one')
    await write(instance, answering('two'))
    instance.command.signal('SIGHUP')
    expect(await instance.command.message('reloaded')).toMatchObject({ generation: 2 })
    expect(await instance.text()).toBe('two')
  })

  test('again and again under load fails no request, and the last file is the one that counts', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('a') })
    await using load = new SteadyLoad(instance.port, 8)
    const letters = [...'bcdefg']
    for (const letter of letters) {
      await write(instance, answering(letter))
      instance.command.signal('SIGHUP')
      // A burst of them, some of which come while a reload runs.
      instance.command.signal('SIGHUP')
      const counts = await load.next(200)
      expect(Object.keys(counts).filter(who => who.length > 1)).toEqual([])
    }
    for (let served = ''; served !== 'g'; ) served = Object.keys(await load.next(50)).join()
    await load.stop()
  })
})

describe('sluice reload', () => {
  test('says what has changed, and what has not', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await write(instance, answering('two', 'upstreams: { api: { endpoints: [{ address: 127.0.0.1:1 }] } }\n'))
    const outcome = await instance.folder.run('reload')
    expect(outcome).toMatchObject({ code: 0 })
    expect(outcome.stdout).toMatch(
      /^generation 2 \([0-9a-f]{12}\) is in force\n {2}\+ upstream api\n {2}~ route routes\[0\]\n$/,
    )
    const second = await instance.folder.run('reload')
    expect(second.stdout).toMatch(/^generation 3 .*\n {2}nothing has changed\n$/)
  })

  test('says the same as JSON', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await write(instance, answering('two'))
    const { stdout, code } = await instance.folder.run('reload', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      generation: 2,
      routes: { changed: ['routes[0]'] },
      needsRestart: [],
    })
    await write(instance, BAD)
    const refused = await instance.folder.run('reload', '--json')
    expect(refused.code).toBe(1)
    const { ok, problems } = JSON.parse(refused.stdout)
    expect(ok).toBe(false)
    expect(problems).toContainEqual(expect.objectContaining({ line: 1, column: 21, key: 'listeners.web.adress' }))
  })

  test('prints every problem of a bad file, says that nothing has changed, and ends with 1', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await write(instance, BAD)
    const outcome = await instance.folder.run('reload')
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(outcome.stderr).toMatch(
      /^sluice\.yaml:1:\d+: .*\n(?:sluice\.yaml:.*\n)+sluice: the configuration was refused; /m,
    )
    expect(outcome.stderr).toContain('listeners.web.adress: unknown key')
    expect(await instance.text()).toBe('one')
  })

  test('that fails for another reason says so as JSON and on stderr, and changes nothing', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await using taken = await listenOn(createServer())
    const more = `listeners: { more: { address: 127.0.0.1:${taken.port} },`
    await write(instance, answering('two').replace('listeners: {', more))
    const { code, stdout, stderr } = await instance.folder.run('reload', '--json')
    const { ok, problems, message } = JSON.parse(stdout)
    expect({ code, ok, problems }).toEqual({ code: 1, ok: false, problems: [] })
    expect(message).toContain('more')
    expect(stderr).toBe(`sluice: ${message}\n`)
    expect(await instance.text()).toBe('one')
  })

  test('names the keys that wait for the next start, and takes the others over', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    const runtime = 'runtime: { workers: 2, control_socket: other.sock }'
    const log = 'log: { format: pretty, level: debug, access: { enabled: false } }\n'
    await write(instance, answering('two', log).replace('runtime: { workers: 1 }', runtime))
    const outcome = await instance.folder.run('reload')
    expect(outcome.stdout).toContain('next start on: runtime.workers, runtime.control_socket, log.format\n')
    const line = await instance.command.message('next start on')
    expect(line).toMatchObject({ keys: ['runtime.workers', 'runtime.control_socket', 'log.format'] })
    const from = instance.command.lines().length
    expect(await instance.text()).toBe('two')
    await instance.folder.run('reload')
    await instance.command.message('reloaded', from)
    const since = instance.command.lines().slice(from)
    expect(since.map(each => each.msg)).not.toContain('access')
  })

  test('has no say over what the command line of the start says', async () => {
    await using instance = await startInstance(
      { 'sluice.yaml': answering('one') },
      '--workers',
      '1',
      '--log-level',
      'debug',
    )
    const file = answering('two', 'log: { level: error }\n').replace('workers: 1', 'workers: 3')
    await write(instance, file)
    const outcome = await instance.folder.run('reload')
    expect(outcome.stdout).not.toContain('next start')
    // A line that `level: error` would not let through.
    await instance.command.message('reloaded')
  })

  test('finds the instance by the control socket that the file names, whatever else is wrong with the file', async () => {
    const file = answering('one').replace('workers: 1', 'workers: 1, control_socket: own.sock')
    await using instance = await startInstance({ 'sluice.yaml': file })
    await write(instance, file.replace('routes:', 'rotes:'))
    const { code, stderr } = await instance.folder.run('reload')
    expect([code, stderr]).toEqual([1, expect.stringContaining('unknown key; did you mean "routes"?')])
    expect((await instance.folder.run('status')).stdout).toContain('last reload    failed')
  })
})
