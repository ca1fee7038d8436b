import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Folder } from './command.ts'
import { answering, holdingOrigin, startInstance } from './instance.ts'

const WEB = 'runtime: { workers: 1 }\nlisteners: { web: { address: 127.0.0.1:0 } }\n'

describe('sluice stop', () => {
  test('returns when the process has ended, and leaves nothing behind', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    const { pid } = instance.command
    const outcome = await instance.folder.run('stop')
    expect(outcome).toEqual({ code: 0, stdout: `process ${pid} has ended\n`, stderr: '' })
    expect(await instance.command.outcome()).toMatchObject({ code: 0, stderr: '' })
    expect(readdirSync(instance.folder.file('sluice'))).toEqual([])
  })

  test('waits for the requests that run, and says how many', async () => {
    await using origin = await holdingOrigin()
    await using instance = await startInstance({ 'sluice.yaml': WEB + origin.yaml })
    const answer = fetch(instance.url)
    const held = await origin.next()
    await using stop = instance.folder.start('stop')
    await stop.until(stdout => (stdout.includes('waits for 1 exchange, at most 30s') ? true : null))
    const status = await instance.folder.run('status')
    expect(status.stdout).toMatch(/^state +stopping, up for /m)
    held.end('whole')
    expect(await (await answer).text()).toBe('whole')
    expect(await stop.outcome()).toMatchObject({ code: 0 })
    expect(await instance.command.outcome()).toMatchObject({ code: 0 })
  })

  test('does not wait longer than it is told to, and says what still runs; a signal then ends it at once', async () => {
    await using origin = await holdingOrigin()
    await using instance = await startInstance({ 'sluice.yaml': WEB + origin.yaml })
    const cut = fetch(instance.url).catch(() => null)
    await origin.next()
    const outcome = await instance.folder.run('stop', '--timeout', '10ms')
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toMatch(
      /^sluice: process \d+ has not ended within 10ms: it is stopping and waits for 1 exchange\n$/,
    )
    const reload = await instance.folder.run('reload')
    expect(reload).toMatchObject({ code: 1, stderr: expect.stringMatching(/^sluice: .*(?:end|stopping)/) })
    instance.command.signal('SIGTERM')
    expect(await instance.command.outcome()).toMatchObject({ code: 143 })
    await cut
  })
})

describe('without an instance', () => {
  test.each(['stop', 'reload', 'status'])('%s says what to name, and ends with 1', async name => {
    await using folder = await Folder.make({ 'sluice.yaml': answering('one') })
    const advice = 'name its file with -c FILE, or its control socket with --control PATH'
    expect(await folder.run(name)).toEqual({
      code: 1,
      stdout: '',
      stderr: `sluice: no instance runs with ${folder.file('sluice.yaml')}; ${advice}\n`,
    })
  })

  test('a control socket that is named is named in the answer', async () => {
    await using folder = await Folder.make()
    const stderr = `sluice: no instance answers at ${folder.file('none.sock')}\n`
    expect(await folder.run('status', '--control', 'none.sock')).toEqual({ code: 1, stdout: '', stderr })
  })
})

describe('an instance is found', () => {
  test('by its file from anywhere, and others are named where it is not', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one'), 'other.yaml': answering('other') })
    const found = await instance.folder.run('status', '-c', instance.folder.file('./sluice.yaml'), '--json')
    expect(JSON.parse(found.stdout)).toMatchObject({ pid: instance.command.pid })
    const missed = await instance.folder.run('status', '-c', 'other.yaml')
    expect(missed.code).toBe(1)
    expect(missed.stderr).toContain(
      `There runs: -c ${instance.folder.file('sluice.yaml')} (process ${instance.command.pid})`,
    )
  })

  test('where its file says that the socket is, and by that socket', async () => {
    const text = answering('one').replace('workers: 1', 'workers: 1, control_socket: run/control.sock')
    await using instance = await startInstance({ 'sluice.yaml': text })
    expect(existsSync(instance.folder.file('run/control.sock'))).toBe(true)
    for (const args of [[], ['--control', 'run/control.sock']]) {
      const { stdout } = await instance.folder.run('status', '--json', ...args)
      expect(JSON.parse(stdout)).toMatchObject({ pid: instance.command.pid })
    }
  })

  test('from another folder than that of its file, where the path of its socket is relative', async () => {
    const text = answering('one').replace('workers: 1', 'workers: 1, control_socket: control.sock')
    await using instance = await startInstance({ 'sluice.yaml': text })
    await using elsewhere = await Folder.make()
    const { stdout } = await elsewhere.run('status', '--json', '-c', instance.folder.file('sluice.yaml'))
    expect(JSON.parse(stdout)).toMatchObject({ pid: instance.command.pid })
  })

  test('where one of the two has no XDG_RUNTIME_DIR, as services and cron have not, or one that is not there', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': answering('one') })
    await using service = folder.startWith({ XDG_RUNTIME_DIR: '' }, 'start')
    await service.message('control socket')
    expect(JSON.parse((await folder.run('status', '--json')).stdout)).toMatchObject({ pid: service.pid })
    expect(await folder.run('stop')).toMatchObject({ code: 0 })
    await using second = folder.startWith({ XDG_RUNTIME_DIR: folder.file('missing') }, 'start')
    await second.message('control socket')
    expect(JSON.parse((await folder.run('status', '--json')).stdout)).toMatchObject({ pid: second.pid })
  })

  test('again after its socket was taken away, once it has reloaded', async () => {
    await using instance = await startInstance({ 'sluice.yaml': answering('one') })
    await rm(instance.folder.file('sluice'), { recursive: true })
    expect(await instance.folder.run('status')).toMatchObject({ code: 1 })
    const from = instance.command.lines().length
    instance.command.signal('SIGHUP')
    await instance.command.message('control socket: ', from)
    const { stdout } = await instance.folder.run('status', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ pid: instance.command.pid })
  })

  test('by nothing where its file wants no socket', async () => {
    const text = answering('one').replace('workers: 1', 'workers: 1, control_socket: off')
    await using folder = await Folder.make({ 'sluice.yaml': text })
    await using command = folder.start('start')
    await command.message('generation 1')
    expect(await folder.run('status')).toMatchObject({
      code: 1,
      stderr: `sluice: ${folder.file('sluice.yaml')} has no control socket: runtime.control_socket is off\n`,
    })
  })
})

describe('a control socket that cannot be', () => {
  test('does not keep an instance from running, where it was not asked for by name', async () => {
    await using folder = await Folder.make({ 'sluice.yaml': answering('one'), sluice: 'in the way' })
    await using command = folder.startWith({ TMPDIR: folder.file('missing') }, 'start')
    const line = await command.message('runs without one')
    expect(line.level).toBe(40)
    expect(await (await fetch(await command.url('web'))).text()).toBe('one')
  })

  test('ends the start where it was asked for by name', async () => {
    const long = `/${'x'.repeat(150)}/control.sock`
    const text = answering('one').replace('workers: 1', `workers: 1, control_socket: ${long}`)
    await using folder = await Folder.make({ 'sluice.yaml': text })
    const outcome = await folder.run('start')
    expect(outcome.code).toBe(1)
    expect(outcome.stderr).toMatch(/control_socket|control socket/)
  })
})

test('a second instance of a file runs without a control socket, says who has it, and takes it at a reload when it is free', async () => {
  await using instance = await startInstance({ 'sluice.yaml': answering('one') })
  await using second = instance.folder.start('start')
  const line = await second.message('is taken by')
  expect(line).toMatchObject({ level: 40 })
  expect(line.msg).toContain(`process ${instance.command.pid}; this instance runs without one`)
  expect(await (await fetch(await second.url('web'))).text()).toBe('one')
  expect((await instance.folder.run('stop')).stdout).toBe(`process ${instance.command.pid} has ended\n`)
  second.signal('SIGHUP')
  await second.message('control socket: ')
  const { stdout } = await instance.folder.run('status', '--json')
  expect(JSON.parse(stdout)).toMatchObject({ pid: second.pid })
})

test('what clients of the control socket say does not disturb the requests', async () => {
  await using instance = await startInstance({ 'sluice.yaml': answering('one') })
  const { path } = await instance.command.message('control socket')
  const sockets = Array.from({ length: 60 }, (_, index) => {
    const socket = connect({ path: String(path) }).on('error', () => undefined)
    socket.write(index % 2 === 0 ? Buffer.alloc(1_000_000, 0x5b) : '{"sluice":1,"method":"status"')
    return socket
  })
  for (let request = 0; request < 20; request++) expect(await instance.text()).toBe('one')
  for (const socket of sockets) socket.destroy()
  expect(await instance.folder.run('status')).toMatchObject({ code: 0, stderr: '' })
})
