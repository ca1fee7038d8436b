import { type BigIntStats, linkSync, lstatSync, mkdirSync, renameSync, unlinkSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ControlConnection, connectControl } from './client.ts'
import { ControlPathError, checkPathLength } from './socket-path.ts'
import { ControlError, type ControlRequest, formatError, formatResult, LineReader, parseRequest } from './wire.ts'

/** The instance's end of the control socket: answers whoever may open it, and is harmed by nothing they send. */

/** What can be asked for, by name. A method gets what the client sent, and answers with something for JSON. */
export type ControlMethods = Readonly<Record<string, (params: unknown) => unknown>>

export interface ControlLimits {
  /** Open at once; further ones are told so and closed. */
  readonly connections: number
  /** Of one request; past it the connection is closed. */
  readonly requestBytes: number
  /** What a client gets to say its next request, and to take an answer; past it the connection is closed. */
  readonly patienceMs: number
}

const LIMITS: ControlLimits = { connections: 32, requestBytes: 256 * 1024, patienceMs: 10_000 }

/** Somebody answers on the socket already. */
export class ControlTakenError extends Error {
  override readonly name = 'ControlTakenError'
}

/**
 * Opens the socket, for its owner alone. A file that a dead process left behind is replaced.
 *
 * @throws {ControlTakenError} where somebody answers there.
 * @throws {ControlPathError} where no socket can be.
 */
export async function openControl(
  path: string,
  methods: ControlMethods,
  limits: ControlLimits = LIMITS,
): Promise<ControlServer> {
  checkPathLength(path)
  for (let attempt = 1; ; attempt++) {
    await makeWay(path)
    const control = new ControlServer(path, methods, limits)
    try {
      await control.listen()
      return control
    } catch (error) {
      // Another start was quicker: it is looked at again, and answers by then.
      if (!isInUse(error) || attempt === ATTEMPTS_MAX) throw pathErrorOf(path, error)
    }
  }
}

/** Starts of several instances in the same moment; past it the socket is given up. */
const ATTEMPTS_MAX = 5
/** Between two looks at a socket on which nobody answers: one that is being opened is not listened on for a moment. */
const SECOND_LOOK_MS = 50

function isInUse(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
}

async function makeWay(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true })
  if (stats === undefined) {
    makeFolder(dirname(path))
    return
  }
  if (!stats.isSocket()) {
    throw new ControlPathError(`${path} is there already, and is not a socket; move it away, or choose another path`)
  }
  const holder = (await holderOf(path)) ?? (await sleep(SECOND_LOOK_MS).then(() => holderOf(path)))
  if (holder === null) removeStale(path, stats)
  else throw new ControlTakenError(`the control socket ${path} is taken by ${await describeHolder(holder)}`)
}

/** Who listens on it; `null` for nobody. @throws {ControlPathError} */
async function holderOf(path: string): Promise<ControlConnection | null> {
  try {
    return await connectControl(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return null
    throw pathErrorOf(path, error)
  }
}

/**
 * Takes away the file that a dead process left behind. Another start may have put its own socket there since it was
 * looked at: so it is moved aside first, and back again where it is not the one that was seen.
 */
function removeStale(path: string, stale: BigIntStats): void {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    // Gone already: somebody else has done it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw pathErrorOf(path, error)
  }
  try {
    const moved = lstatSync(aside, { bigint: true })
    if (moved.ino !== stale.ino || moved.mtimeNs !== stale.mtimeNs) linkSync(aside, path)
  } catch (error) {
    throw pathErrorOf(path, error)
  } finally {
    unlinkSync(aside)
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700, recursive: true })
  } catch (error) {
    throw pathErrorOf(folder, error)
  }
}

function pathErrorOf(path: string, error: unknown): ControlPathError {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  const reason = code === 'EACCES' ? 'no permission to make a socket there' : `cannot be used (${code})`
  return new ControlPathError(`control socket ${path}: ${reason}; choose another path with runtime.control_socket`)
}

const HOLDER_PATIENCE_MS = 1000

async function describeHolder(holder: ControlConnection): Promise<string> {
  try {
    const { pid } = (await holder.call('status', {}, HOLDER_PATIENCE_MS)) as { pid?: unknown }
    return `process ${String(pid)}`
  } catch {
    return 'a process that does not say who it is'
  } finally {
    holder.close()
  }
}

export class ControlServer {
  readonly path: string
  readonly methods: ControlMethods
  readonly limits: ControlLimits
  readonly #server: Server
  readonly #peers = new Set<Peer>()
  /** Of the socket file, so that nobody else's is ever removed. */
  #inode = -1

  /** Called by `openControl`. @internal */
  constructor(path: string, methods: ControlMethods, limits: ControlLimits) {
    this.path = path
    this.methods = methods
    this.limits = limits
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#onConnection(socket))
  }

  /** Rejects with the system's error. @internal */
  async listen(): Promise<void> {
    const server = this.#server
    const listening = new Promise<void>((resolve, reject) => {
      server.once('listening', resolve)
      server.once('error', reject)
    })
    // The file is made within this call: there is no moment at which others could open it.
    const umask = process.umask(0o177)
    try {
      server.listen({ path: this.path })
    } finally {
      process.umask(umask)
    }
    await listening
    server.on('error', () => undefined)
    this.#inode = lstatSync(this.path, { throwIfNoEntry: false })?.ino ?? -1
  }

  #onConnection(socket: Socket): void {
    // From its first moment: whatever becomes of a client is no matter of ours.
    socket.on('error', () => socket.destroy())
    if (this.#peers.size >= this.limits.connections) {
      const busy = new ControlError('busy', `${this.limits.connections} connections are open already; try again later`)
      socket.end(formatError(null, busy), () => socket.destroy())
      return
    }
    const peer = new Peer(socket, this)
    this.#peers.add(peer)
    socket.once('close', () => this.#peers.delete(peer))
  }

  /** No client is closed for being silent any more: they wait for the end of the process. */
  hold(): void {
    for (const peer of this.#peers) peer.hold()
  }

  /** Removes the socket, so that nobody finds it any more. Connections stay, until `close()` or the end of the process. */
  withdraw(): void {
    if (this.isFound) unlinkSync(this.path)
  }

  /** Whether its file is where it was made; folders for temporary things are cleared now and then. */
  get isFound(): boolean {
    return lstatSync(this.path, { throwIfNoEntry: false })?.ino === this.#inode
  }

  async close(): Promise<void> {
    this.withdraw()
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const peer of this.#peers) peer.close()
    await closed
  }
}

/** One client. Its requests are answered one after the other; while one is under way, no more is read. */
class Peer {
  readonly #socket: Socket
  readonly #server: ControlServer
  readonly #reader: LineReader
  readonly #timer: NodeJS.Timeout
  #waiting: string[] = []
  /** Requests are dealt with, or the last word has been said. */
  #isBusy = false
  /** A method runs, which takes its own time. */
  #isCalling = false
  #isHeld = false

  constructor(socket: Socket, server: ControlServer) {
    this.#socket = socket
    this.#server = server
    this.#reader = new LineReader(server.limits.requestBytes)
    this.#timer = setTimeout(() => this.#onImpatience(), server.limits.patienceMs)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    // A client may say all it has to say and close its side: it still gets its answers.
    socket.on('end', () => void this.#answerWaiting())
    socket.once('close', () => clearTimeout(this.#timer))
  }

  hold(): void {
    this.#isHeld = true
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    const lines = this.#reader.push(chunk)
    if (lines === null) {
      this.#refuse(new ControlError('too_long', `a request has at most ${this.#server.limits.requestBytes} bytes`))
      return
    }
    this.#waiting.push(...lines)
    void this.#answerWaiting()
  }

  async #answerWaiting(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    this.#socket.pause()
    for (let line = this.#waiting.shift(); line !== undefined; line = this.#waiting.shift()) {
      if (line.trim() !== '' && !(await this.#answer(line))) return
    }
    this.#isBusy = false
    this.#timer.refresh()
    if (this.#socket.readableEnded) this.#socket.end()
    else this.#socket.resume()
  }

  /** False where nothing more is to be answered on this connection. */
  async #answer(line: string): Promise<boolean> {
    let request: ControlRequest
    try {
      request = parseRequest(line)
    } catch (error) {
      this.#refuse(error as ControlError)
      return false
    }
    const answer = await this.#call(request)
    if (this.#socket.destroyed) return false
    this.#timer.refresh()
    return await this.#write(answer)
  }

  async #call({ id, method: name, params }: ControlRequest): Promise<string> {
    const { methods } = this.#server
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined
    if (method === undefined) {
      const known = Object.keys(methods).join(', ')
      return formatError(id, new ControlError('unknown_method', `there is no such method; there are: ${known}`))
    }
    this.#isCalling = true
    try {
      return formatResult(id, await method(params))
    } catch (error) {
      if (error instanceof ControlError) return formatError(id, error)
      return formatError(id, new ControlError('failed', error instanceof Error ? error.message : String(error)))
    } finally {
      this.#isCalling = false
    }
  }

  /** Resolves when the client has taken it, with whether it has. */
  #write(answer: string): Promise<boolean> {
    return new Promise(resolve => this.#socket.write(answer, error => resolve(error == null)))
  }

  #onImpatience(): void {
    if (this.#isHeld || this.#isCalling) this.#timer.refresh()
    else if (this.#isBusy) this.#socket.destroy()
    else this.#refuse(new ControlError('idle', 'nothing was asked for; the connection is closed'))
  }

  /** The last word to a client. */
  #refuse(error: ControlError): void {
    this.#isBusy = true
    this.#waiting = []
    this.#socket.pause()
    this.#socket.end(formatError(null, error), () => this.#socket.destroy())
    this.#timer.refresh()
  }
}
