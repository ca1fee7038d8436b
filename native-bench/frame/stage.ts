/** Where a scenario plays: a temporary folder, the cores, and what has been started on them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certificate, makeCertificate } from './certificate.ts'
import { atEnd } from './clean-up.ts'
import type { Cores } from './cores.ts'
import type { OriginKind } from './options.ts'

export interface StageSettings {
  readonly cores: Cores
  readonly rounds: number
  readonly seconds: number
  readonly origin: OriginKind
}

export class Stage implements Disposable {
  readonly settings: StageSettings
  readonly folder: string
  readonly #remove: () => void
  readonly #ends: (() => void)[] = []
  #folderCount = 0
  #certificate: Certificate | null = null

  constructor(settings: StageSettings) {
    this.settings = settings
    const folder = mkdtempSync(join(tmpdir(), 'sluice-native-bench-'))
    this.folder = folder
    this.#remove = atEnd(() => rmSync(folder, { recursive: true, force: true }))
  }

  /** An empty folder for one start of a program. */
  newFolder(name: string): string {
    this.#folderCount += 1
    const path = join(this.folder, `${this.#folderCount}-${name.replaceAll(/[^a-z0-9]+/g, '-')}`)
    mkdirSync(path)
    return path
  }

  /** One for all proxies of the scenario, made when it is first asked for. */
  get certificate(): Certificate {
    this.#certificate ??= makeCertificate(this.newFolder('certificate'))
    return this.#certificate
  }

  /** Calls it when the scenario is over, or the bench. */
  atEnd(end: () => void): void {
    this.#ends.push(end)
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends.toReversed()) end()
    this.#remove()
  }
}

/** A program of its own process group, so that it ends with all its children and Ctrl-C comes to it only through us. */
export class Program {
  readonly child: ChildProcess
  /** Ends it and its children at once; nothing where it has ended. */
  readonly kill: () => void

  constructor(
    [executable, ...args]: readonly [string, ...string[]],
    stdio: import('node:child_process').StdioOptions,
    environment: Readonly<Record<string, string>> = {},
  ) {
    const child = spawn(executable, args, { stdio, detached: true, env: { ...process.env, ...environment } })
    this.child = child
    // Told by whoever waits for the program; without a listener it would end the bench.
    child.on('error', () => {})
    this.kill = atEnd(() => killGroup(child.pid))
  }

  /** Its process, which is that of the program itself; throws where the system could not start it. */
  get pid(): number {
    const { pid } = this.child
    if (pid === undefined) throw new Error(`${this.child.spawnargs.join(' ')} cannot be started`)
    return pid
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null || this.child.pid === undefined
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
