import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Bell, within } from '../../support/bell.ts'

/** The command `sluice` as a process of its own, run from the sources. */

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const DEADLINE_MS = 15_000

export interface Outcome {
  /** The exit code; `null` where a signal ended the process. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface LogLine {
  readonly msg: string
  readonly level: number
  readonly listener?: string
  readonly url?: string
  readonly [field: string]: unknown
}

export class Command implements AsyncDisposable {
  stdout = ''
  stderr = ''
  readonly #child: ChildProcessWithoutNullStreams
  readonly #output = new Bell()
  readonly #outcome: Promise<Outcome>

  constructor(args: readonly string[], folder: string, env: Readonly<Record<string, string>> = {}) {
    // Control sockets are where the test is, and nobody else's; compiled code is everybody's.
    const cache = join(tmpdir(), 'node-compile-cache')
    const own = { PATH: process.env.PATH ?? '', XDG_RUNTIME_DIR: folder, TMPDIR: folder, NODE_COMPILE_CACHE: cache }
    this.#child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { ...own, ...env } })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#output.ring()
    })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
      this.#output.ring()
    })
    this.#outcome = once(this.#child, 'close').then(([code]) => {
      this.#output.ring()
      return { code: code as number | null, stdout: this.stdout, stderr: this.stderr }
    })
  }

  /** What `find` sees in stdout, as soon as it is there. */
  until<T>(find: (stdout: string) => T | null | undefined): Promise<T> {
    const search = async (): Promise<T> => {
      for (;;) {
        const found = find(this.stdout)
        if (found !== null && found !== undefined) return found
        if (this.#child.exitCode !== null) throw new Error('the command ended first')
        await this.#output.wait()
      }
    }
    return within(search(), DEADLINE_MS, () => `stdout: ${this.stdout} stderr: ${this.stderr}`)
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  /** Resolves with the first log line that has `text` in its message, of those from `from` on. */
  message(text: string, from = 0): Promise<LogLine> {
    return this.until(() =>
      this.lines()
        .slice(from)
        .find(line => line.msg.includes(text)),
    )
  }

  /** The URL that the start line of a listener shows. */
  url(listener: string): Promise<string> {
    return this.until(() => this.lines().find(line => line.listener === listener && line.url !== undefined)?.url)
  }

  /** The log lines so far that are complete. */
  lines(): LogLine[] {
    return this.stdout
      .split('\n')
      .slice(0, -1)
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line))
  }

  /** Closes the pipe that its stdout is: `sluice status -w | head -1`. */
  stopReading(): void {
    this.#child.stdout.destroy()
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  outcome(): Promise<Outcome> {
    return within(this.#outcome, DEADLINE_MS, () => `stdout: ${this.stdout} stderr: ${this.stderr}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#outcome
  }
}

/** A folder of its own for configuration files. `await using` removes it. */
export class Folder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
    const path = await mkdtemp(join(tmpdir(), 'sluice-cli-'))
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content)
    return new Folder(path)
  }

  start(...args: string[]): Command {
    return new Command(args, this.path)
  }

  /** As `start`, with variables that the others have not. */
  startWith(env: Readonly<Record<string, string>>, ...args: string[]): Command {
    return new Command(args, this.path, env)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  async run(...args: string[]): Promise<Outcome> {
    await using command = this.start(...args)
    return await command.outcome()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }
}
