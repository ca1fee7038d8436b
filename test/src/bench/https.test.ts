import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bench } from '../../../src/bench/bench.ts'
import { isFlawless } from '../../../src/bench/result.ts'
import { type Listening, listenOn } from '../../support/listen.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let folder: TemporaryFolder
let origin: Listening
let ca: string
let key: string
const names: (string | false | null)[] = []
/** Connections that carried a request. */
const used = new Set<Socket>()

beforeAll(async () => {
  folder = await temporaryFolder()
  const [keyPath, cert] = [folder.file('key.pem'), folder.file('cert.pem')]
  const self = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=origin.test', '-addext', 'subjectAltName=DNS:origin.test,DNS:localhost']
  execFileSync('openssl', [...self, ...subject, '-keyout', keyPath, '-out', cert], { stdio: 'pipe' })
  ca = readFileSync(cert, 'utf8')
  key = readFileSync(keyPath, 'utf8')
  const server = createServer({ key, cert: ca }, (request, response) => {
    used.add(request.socket)
    response.end('hello')
  })
  server.on('secureConnection', socket => names.push(socket.servername))
  origin = await listenOn(server)
})

afterAll(async () => {
  await origin.close()
  await folder[Symbol.asyncDispose]()
})

const LOAD = { requests: 60, connections: 4, threads: 2 }

describe('HTTPS', () => {
  test('is measured where the certificate is trusted', async () => {
    const result = await bench({ ...LOAD, url: `https://localhost:${origin.port}/`, ca })
    expect(result).toMatchObject({ answered: 60, non2xx: 0 })
    expect(new Set(names.splice(0))).toEqual(new Set(['localhost']))
  })

  test('checks the certificate against the name that is given', async () => {
    const url = `https://127.0.0.1:${origin.port}/`
    expect(await bench({ ...LOAD, url, ca, serverName: 'origin.test' })).toMatchObject({ answered: 60 })
    expect(new Set(names.splice(0))).toEqual(new Set(['origin.test']))
    await expect(bench({ ...LOAD, url, ca, serverName: 'other.test' })).rejects.toThrow(/certificate is not trusted/)
  })

  test('refuses a certificate that nobody trusts, and says what helps', async () => {
    const run = bench({ ...LOAD, url: `https://localhost:${origin.port}/` })
    await expect(run).rejects.toThrow(
      /its certificate is not trusted \(.*\); name the CA with --ca, or accept any with --insecure/,
    )
  })

  test('counts a connection that was never opened, though the others do all of the work', async () => {
    // The first two are the one that looks for the target, and one of the load.
    let connections = 0
    const server = createServer({ key, cert: ca }, (_, response) => response.end('hello'))
    server.on('connection', (socket: Socket) => {
      connections += 1
      if (connections > 2) socket.destroy()
    })
    await using picky = await listenOn(server)
    const url = `https://localhost:${picky.port}/`
    const result = await bench({ url, ca, requests: 5, connections: 3, threads: 1 })
    expect(result).toMatchObject({ answered: 5, statuses: { 200: 5 } })
    expect(result.errors.connect).toBeGreaterThanOrEqual(2)
    expect(isFlawless(result)).toBe(false)
  })

  test('takes any certificate where that is asked for, and a connection for each request', async () => {
    const url = `https://127.0.0.1:${origin.port}/`
    used.clear()
    const result = await bench({ url, requests: 10, connections: 2, threads: 1, insecure: true, keepAlive: false })
    expect(result).toMatchObject({ answered: 10, errors: { connect: 0, reset: 0 } })
    expect(used.size).toBe(10)
  })
})
