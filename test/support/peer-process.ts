import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { commandPath } from '../../scripts/system-packages.ts'
import { within } from './bell.ts'
import { turns } from './turns.ts'

export interface PeerProcessOptions {
  readonly command: string
  readonly args: readonly string[]
  /** The port of 127.0.0.1 that it accepts connections on as soon as it is ready. */
  readonly port: number
  /** How it is asked to end; SIGTERM if it is left out. */
  readonly endSignal?: NodeJS.Signals
  /** Whose process it is; this one's user if it is left out. */
  readonly user?: number
  readonly group?: number
}

/** A program of somebody else's that serves, in a process of its own. `await using` ends it. */
export interface PeerProcess extends AsyncDisposable {
  readonly pid: number
  /** What it has said so far, on both of its outputs. */
  readonly output: string
  /** SIGKILL. */
  kill(): Promise<void>
}

/** Starts it, and waits until it accepts connections. */
export async function startPeerProcess(options: PeerProcessOptions): Promise<PeerProcess> {
  const { command, args, port, endSignal = 'SIGTERM', user, group } = options
  const identity = user === undefined ? {} : { uid: user, gid: group ?? user }
  const child = spawn(commandPath(command) ?? command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...identity })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const exited = once(child, 'exit')
  const gone = exited.then(([code]) => Promise.reject(new Error(`${command} ended with ${code}: ${output}`)))
  gone.catch(() => {})
  await within(Promise.race([untilAccepts(port), gone]), 15_000, () => `${command} on port ${port}: ${output}`)
  const end = (signal: NodeJS.Signals) => endProcess(child, exited, signal)
  return {
    pid: child.pid ?? 0,
    get output() {
      return output
    },
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: () => end(endSignal),
  }
}

async function endProcess(child: ChildProcess, exited: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await exited
}

async function untilAccepts(port: number): Promise<void> {
  while (!(await accepts(port))) await turns()
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return isOpen
}
