import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { blackhole, unreadingPort } from './blackhole.ts'
import { rawClient } from './raw-client.ts'
import { recordingOrigin } from './recording-origin.ts'
import { refusingPort } from './refusing-port.ts'
import { scriptedOrigin } from './scripted-origin.ts'
import { slowReader } from './slow-reader.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { turns } from './turns.ts'
import { waitFor } from './wait-for.ts'

const get = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n'

describe('recordingOrigin', () => {
  test('answers each request in order and records every byte', async () => {
    await using origin = await recordingOrigin()
    using client = await rawClient(origin.address)
    const post = 'POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;e\r\nhi\r\n0\r\nT: 1\r\n\r\n'
    await client.send(get + post)
    expect((await client.readResponse()).content.toString()).toBe('GET /a')
    expect((await client.readResponse()).content.toString()).toBe('POST /b')
    expect(origin.connections[0]?.bytes.toString()).toBe(get + post)
    expect(origin.requests[1]).toMatchObject({ chunkExtensions: [';e'], trailers: [['T', '1']], connection: 0 })
    expect(origin.requests[1]?.content.toString()).toBe('hi')
    expect(origin.connections[0]?.betweenRequests).toBe(true)
  })

  test('cuts the connection of a request that its parser refuses, and says why', async () => {
    await using origin = await recordingOrigin()
    using client = await rawClient(origin.address)
    await client.send('GET /a HTTP/1.1\nHost: x\r\n\r\n')
    await client.closed
    expect(origin.malformed).toEqual(['connection 0: bare LF'])
    expect(origin.requests).toEqual([])
  })

  test('says 100 to a client that waits for it', async () => {
    await using origin = await recordingOrigin()
    using client = await rawClient(origin.address)
    await client.send('PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n')
    await client.readUntil(unread => unread.includes('100 Continue'))
    await client.send('a')
    expect((await client.readResponse()).interim).toMatchObject([{ status: 100 }])
  })

  test('listens on a unix socket too', async () => {
    await using folder = await temporaryFolder()
    await using origin = await recordingOrigin({ unixPath: join(folder.path, 'origin.sock') })
    using client = await rawClient(origin.address)
    await client.send(get)
    expect((await client.readResponse()).status).toBe(200)
  })
})

describe('sendSplit', () => {
  test('has each piece read by itself, even on a connection just opened', async () => {
    await using origin = await recordingOrigin()
    for (let offset = 1; offset < get.length; offset += 1) {
      using client = await rawClient(origin.address)
      await client.sendSplit(get, [offset])
      await client.readResponse()
      expect(origin.connections.at(-1)?.reads).toEqual([offset, get.length - offset])
    }
  })

  test('takes any number of offsets in any order', async () => {
    await using origin = await recordingOrigin()
    using client = await rawClient(origin.address)
    await client.sendSplit(get, [9, 3, 3, 0, 1_000, 5])
    await client.readResponse()
    expect(origin.connections[0]?.reads).toEqual([3, 2, 4, get.length - 9])
  })
})

describe('scriptedOrigin', () => {
  test('plays its script on every connection', async () => {
    await using origin = await scriptedOrigin(async connection => {
      const head = await connection.expectHead()
      const content = await connection.expectContent(head)
      await connection.sendSplit(`HTTP/1.1 200 OK\r\n\r\n${connection.index} ${content}`, [5, 19])
      connection.close()
    })
    for (const index of [0, 1]) {
      using client = await rawClient(origin.address)
      await client.send('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi')
      expect(await client.readResponse()).toMatchObject({ framing: 'close', content: Buffer.from(`${index} hi`) })
    }
    expect(origin.takeFailures()).toEqual([])
  })

  test('resets when told to, and keeps what its script could not read', async () => {
    await using origin = await scriptedOrigin(async connection => {
      await connection.expectRequest()
      connection.reset()
    })
    using reset = await rawClient(origin.address)
    await reset.send(get)
    expect(await reset.closed).toBe('reset')
    using wrong = await rawClient(origin.address)
    await wrong.send('nonsense\r\n\r\n')
    await wrong.closed
    expect(origin.takeFailures()).toHaveLength(1)
  })

  test('learns that a client has gone', async () => {
    await using origin = await scriptedOrigin(async connection => {
      await connection.expectHead()
    })
    using client = await rawClient(origin.address)
    const connection = await waitFor(() => origin.connections[0])
    client.reset()
    expect(await connection.closed).toBe('reset')
    expect(origin.takeFailures()).toEqual([])
  })
})

describe('rawClient', () => {
  const reading = async (bytes: string, how: 'close' | 'reset') => {
    await using origin = await scriptedOrigin(async connection => {
      await connection.send(bytes)
      await turns()
      connection[how]()
    })
    using client = await rawClient(origin.address)
    return await client.nextResponse()
  }

  test('tells a whole response from one that was cut', async () => {
    expect(await reading('HTTP/1.1 200 OK\r\n\r\nhi', 'close')).toMatchObject({ kind: 'whole' })
    expect(await reading('HTTP/1.1 200 OK\r\n\r\nhi', 'reset')).toMatchObject({
      kind: 'cut',
      how: 'reset',
      status: 200,
    })
    expect(await reading('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi', 'close')).toMatchObject({ kind: 'cut' })
    expect(await reading('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n', 'close')).toMatchObject({
      kind: 'cut',
      how: 'fin',
    })
    expect(await reading('HTTP/1.1 2', 'close')).toMatchObject({ kind: 'cut', status: 0 })
  })

  test('refuses what another client might read differently', async () => {
    for (const bytes of [
      'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX-A : 1\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\n\r\n',
      'HTTP/1.1 200 OK\r\nX-A: \0\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n 2\r\nhi\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n',
    ]) {
      expect(await reading(bytes, 'close'), bytes).toMatchObject({ kind: 'malformed' })
    }
  })
})

test('refusingPort refuses', async () => {
  await using port = await refusingPort()
  await expect(rawClient(port.address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('unreadingPort accepts and lets the sender run into a full buffer', async () => {
  await using port = await unreadingPort()
  using client = await rawClient(port.address)
  const megabyte = Buffer.alloc(1024 * 1024)
  await waitFor(() => !client.socket.write(megabyte) && client.socket.writableLength > megabyte.length * 2)
  await turns(20)
  expect(client.socket.writableLength).toBeGreaterThan(megabyte.length)
})

test('blackhole does not even answer a dial', async () => {
  await using port = await blackhole()
  const socket = connect({ host: '127.0.0.1', port: port.port })
  socket.on('error', () => {})
  await turns(50)
  expect(socket.connecting).toBe(true)
  socket.destroy()
  await once(socket, 'close')
})

test('slowReader reads what it is told to and no more', async () => {
  await using origin = await scriptedOrigin(async connection => {
    await connection.expectRequest()
    await connection.send(Buffer.alloc(1024 * 1024, 'a'))
    connection.close()
  })
  using reader = await slowReader(origin.address, get)
  await turns(20)
  expect(reader.bytesRead).toBe(0)
  const taken = await reader.take(10_000)
  expect(taken.length).toBeGreaterThanOrEqual(10_000)
  await turns(20)
  expect(reader.bytesRead).toBeLessThan(10_000 + 4096)
  await reader.take(2 * 1024 * 1024)
  expect(reader).toMatchObject({ ended: true, bytesRead: 1024 * 1024 })
})
