import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { ControlSilenceError, connectControl } from '../../../src/control/client.ts'
import { type ControlLimits, type ControlMethods, ControlTakenError, openControl } from '../../../src/control/server.ts'
import { ControlError } from '../../../src/control/wire.ts'
import { within } from '../../support/bell.ts'
import { listenOn } from '../../support/listen.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const LIMITS: ControlLimits = { connections: 4, requestBytes: 4096, patienceMs: 10_000 }
const METHODS: ControlMethods = {
  echo: params => params,
  status: () => ({ pid: 4711 }),
  throws: () => {
    throw new TypeError('a defect')
  },
  refuses: async () => {
    throw new ControlError('bad_params', 'not like this', { why: 'because' })
  },
  never: () => new Promise(() => undefined),
  nothing: () => undefined,
  large: () => 'x'.repeat(8_000_000),
}

async function scene(limits: Partial<ControlLimits> = {}, methods: ControlMethods = METHODS) {
  const folder = await temporaryFolder()
  const path = folder.file('control.sock')
  const server = await openControl(path, methods, { ...LIMITS, ...limits })
  return {
    folder,
    path,
    server,
    async [Symbol.asyncDispose]() {
      await server.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/** A client that says what it likes; `text()` is what it was told until the end of the connection. */
async function rawClient(path: string) {
  const socket: Socket = connect({ path })
  let text = ''
  socket.setEncoding('utf8').on('data', part => {
    text += part
  })
  socket.on('error', () => undefined)
  const closed = new Promise(resolve => socket.once('close', resolve))
  await once(socket, 'connect')
  return {
    socket,
    text: async () => {
      await within(closed, 5000, () => `the server keeps the connection; it said ${text.slice(0, 200)}`)
      return text
    },
  }
}

const errorIn = (text: string) => JSON.parse(text).error.code

describe('the control socket', () => {
  test('is its owner’s alone', async () => {
    await using control = await scene()
    expect(statSync(control.path).mode & 0o777).toBe(0o600)
  })

  test('answers one request after the other, and errors as errors', async () => {
    await using control = await scene()
    const client = await connectControl(control.path)
    expect(await client.call('echo', { a: [1, 'ü'] }, 5000)).toEqual({ a: [1, 'ü'] })
    expect(await client.call('nothing', {}, 5000)).toBeNull()
    await expect(client.call('throws', {}, 5000)).rejects.toMatchObject({ code: 'failed', message: 'a defect' })
    await expect(client.call('refuses', {}, 5000)).rejects.toMatchObject({
      code: 'bad_params',
      data: { why: 'because' },
    })
    for (const name of ['unknown', 'constructor', '__proto__', 'toString']) {
      await expect(client.call(name, {}, 5000)).rejects.toMatchObject({ code: 'unknown_method' })
    }
    expect(await client.call('echo', 'still here', 5000)).toBe('still here')
    client.close()
  })

  test('answers all that a client has sent at once, in order, though it has closed its side', async () => {
    await using control = await scene()
    const client = await rawClient(control.path)
    const requests = [1, 2, 3].map(id => `{"sluice":1,"id":${id},"method":"echo","params":${id}}\n`)
    client.socket.end(`${requests.join('\n')}{"sluice":1,"id":4,"meth`)
    const answers = (await client.text()).trim().split('\n')
    expect(answers).toEqual([1, 2, 3].map(id => JSON.stringify({ sluice: 1, id, result: id })))
  })

  test('hands over large answers whole', async () => {
    await using control = await scene()
    const client = await connectControl(control.path)
    expect(await client.call('large', {}, 5000)).toHaveLength(8_000_000)
    client.close()
  })

  test('is gone when it is closed, and so is its file', async () => {
    const control = await scene()
    const client = await connectControl(control.path)
    await control.server.close()
    await client.closed
    expect(lstatSync(control.path, { throwIfNoEntry: false })).toBeUndefined()
    await expect(connectControl(control.path)).rejects.toMatchObject({ code: 'ENOENT' })
    await control.folder[Symbol.asyncDispose]()
  })

  test('leaves a file alone that has taken its place', async () => {
    await using control = await scene()
    rmSync(control.path)
    await using other = await listenOn(createServer(), control.path)
    control.server.withdraw()
    expect(lstatSync(control.path).isSocket()).toBe(true)
    expect(other.port).toBe(0)
  })
})

describe('the place of a control socket', () => {
  test('is not taken from somebody who answers there, and it is said who', async () => {
    await using control = await scene()
    const second = openControl(control.path, METHODS)
    await expect(second).rejects.toBeInstanceOf(ControlTakenError)
    await expect(second).rejects.toThrow('process 4711')
    const client = await connectControl(control.path)
    expect(await client.call('echo', 1, 5000)).toBe(1)
    client.close()
  })

  test('is not taken from somebody who does not speak as Sluice does', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('other.sock')
    const server = createServer(socket => socket.on('error', () => undefined).end('hello\n'))
    await using other = await listenOn(server, path)
    await expect(openControl(path, METHODS)).rejects.toBeInstanceOf(ControlTakenError)
    expect(other.port).toBe(0)
  })

  test('is free where a dead process has left its file', async () => {
    await using folder = await temporaryFolder()
    const path = await deadSocket(folder, 'control.sock')
    expect(lstatSync(path).isSocket()).toBe(true)
    await using control = await openDisposable(path)
    expect(control.path).toBe(path)
  })

  test('that a dead process has left is taken by one of many that start in the same moment', async () => {
    await using folder = await temporaryFolder()
    for (let round = 0; round < 5; round++) {
      const path = await deadSocket(folder, `${round}.sock`)
      const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => openControl(path, METHODS)))
      const servers = attempts.flatMap(attempt => (attempt.status === 'fulfilled' ? [attempt.value] : []))
      const errors = attempts.flatMap(attempt => (attempt.status === 'rejected' ? [attempt.reason] : []))
      expect(servers).toHaveLength(1)
      expect(errors.filter(error => !(error instanceof ControlTakenError))).toEqual([])
      expect(servers[0]?.isFound).toBe(true)
      const client = await connectControl(path)
      expect(await client.call('echo', round, 5000)).toBe(round)
      client.close()
      await servers[0]?.close()
    }
    expect(readdirSync(folder.path)).toEqual([])
  })

  test('is not a file of another kind', async () => {
    await using folder = await temporaryFolder()
    const path = folder.file('notes.txt')
    writeFileSync(path, 'dear diary')
    await expect(openControl(path, METHODS)).rejects.toThrow(/notes\.txt is there already, and is not a socket/)
  })

  test('is made with its folder, for the owner alone', async () => {
    await using folder = await temporaryFolder()
    await using control = await openDisposable(folder.file('run/sluice/control.sock'))
    expect(statSync(folder.file('run/sluice')).mode & 0o777).toBe(0o700)
    expect(control.path).toContain('run/sluice')
  })

  test('cannot have a path longer than the system allows', async () => {
    await using folder = await temporaryFolder()
    await expect(openControl(folder.file('x'.repeat(120)), METHODS)).rejects.toThrow(
      /has 1\d\d bytes, the system allows 10[37].*runtime\.control_socket/,
    )
  })

  test.skipIf(process.getuid?.() === 0)('cannot be where one may not write', async () => {
    await using folder = await temporaryFolder()
    mkdirSync(folder.file('closed'))
    chmodSync(folder.file('closed'), 0o500)
    await expect(openControl(folder.file('closed/control.sock'), METHODS)).rejects.toThrow(/no permission/)
  })
})

/** The file stays where its server is killed: as if it had another name when the server ends. */
async function deadSocket(folder: { file(name: string): string }, name: string): Promise<string> {
  const dead = createServer()
  dead.listen(folder.file(name))
  await once(dead, 'listening')
  renameSync(folder.file(name), folder.file('kept'))
  dead.close()
  await once(dead, 'close')
  renameSync(folder.file('kept'), folder.file(name))
  return folder.file(name)
}

async function openDisposable(path: string) {
  const server = await openControl(path, METHODS)
  return { path: server.path, [Symbol.asyncDispose]: () => server.close() }
}

describe('a hostile client', () => {
  test('that sends garbage is told so, and closed', async () => {
    await using control = await scene()
    for (const garbage of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\u0000\u00ff\n', '{"sluice":1\n', '[[[[\n']) {
      const client = await rawClient(control.path)
      client.socket.write(garbage)
      expect(errorIn(await client.text())).toBe('bad_request')
    }
  })

  test('that sends a line of 10 MB is closed before it is through', async () => {
    await using control = await scene()
    const client = await rawClient(control.path)
    client.socket.write(Buffer.alloc(10_000_000, 0x61))
    // What it was told may be lost with what it still had to say.
    await client.text()
    const other = await connectControl(control.path)
    expect(await other.call('echo', 'fine', 5000)).toBe('fine')
    other.close()
  })

  test('that says nothing, or half of something, is closed after a while', async () => {
    await using control = await scene({ patienceMs: 30 })
    const silent = await rawClient(control.path)
    const slow = await rawClient(control.path)
    slow.socket.write('{"sluice":1,')
    expect(errorIn(await silent.text())).toBe('idle')
    expect(errorIn(await slow.text())).toBe('idle')
  })

  test('that does not take its answer is closed after a while', async () => {
    await using control = await scene({ patienceMs: 30, connections: 1 })
    const client = await rawClient(control.path)
    client.socket.pause()
    client.socket.write('{"sluice":1,"method":"large"}\n')
    // Its place is free again when it is gone.
    const other = async () => {
      for (;;) {
        const connection = await connectControl(control.path)
        const answer = await connection.call('echo', 'fine', 5000).catch(() => null)
        connection.close()
        if (answer !== null) return answer
      }
    }
    expect(await within(other(), 5000, () => 'nobody else is served')).toBe('fine')
    client.socket.destroy()
  })

  test('that leaves while it is answered harms nobody', async () => {
    await using control = await scene()
    for (const method of ['large', 'never', 'echo']) {
      const client = await rawClient(control.path)
      client.socket.write(`{"sluice":1,"method":"${method}"}\n`)
      client.socket.destroy()
    }
    const other = await connectControl(control.path)
    expect(await other.call('echo', 'fine', 5000)).toBe('fine')
    other.close()
  })

  test('that opens many connections is told to come back later', async () => {
    await using control = await scene()
    const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(control.path)))
    const refused = await Promise.all(clients.slice(4).map(client => client.text()))
    expect(refused.map(errorIn)).toEqual(refused.map(() => 'busy'))
    for (const client of clients) client.socket.destroy()
  })

  test('cannot make a method wait for its patience: that is for clients', async () => {
    const released = Promise.withResolvers<string>()
    await using control = await scene({ patienceMs: 500 }, { slow: () => released.promise })
    const client = await connectControl(control.path)
    const answer = client.call('slow', {}, 5000)
    const silent = await rawClient(control.path)
    await silent.text()
    released.resolve('done')
    expect(await answer).toBe('done')
    client.close()
  })

  test('is kept once the instance holds its clients', async () => {
    await using control = await scene({ patienceMs: 500 })
    const held = await connectControl(control.path)
    await held.call('echo', 1, 5000)
    control.server.hold()
    const silent = await rawClient(control.path)
    await silent.text()
    expect(await held.call('echo', 2, 5000)).toBe(2)
    held.close()
  })
})

describe('the client', () => {
  test('gives up on an instance that does not answer, or goes away', async () => {
    await using control = await scene()
    const client = await connectControl(control.path)
    await expect(client.call('never', {}, 20)).rejects.toBeInstanceOf(ControlSilenceError)
    const other = await connectControl(control.path)
    const answer = expect(other.call('never', {}, 5000)).rejects.toThrow('the instance has ended')
    await control.server.close()
    await answer
    await expect(other.call('echo', {}, 5000)).rejects.toThrow('the instance has ended')
  })
})
