/**
 * The process that loads a proxy and is its origin at once: on one core, two processes would take it from each other for
 * milliseconds, and that would be measured as the proxy's latency. It waits without using the core until it has a run.
 *
 * The class is the runner's side; the program below is the process, told by messages.
 */
import { pinned } from '../frame/cores.ts'
import { messageOf } from '../frame/failure.ts'
import { Program, type Stage } from '../frame/stage.ts'
import { AnsweringOrigin } from '../origins/answering.ts'
import { DatagramEcho } from '../origins/echo.ts'
import { IdleConnections } from './idle-connections.ts'
import { IdleHttp2Connections } from './idle-http2.ts'
import { LoadRun } from './load-run.ts'
import type { LoadPlan, StationAnswer, StationOrder, StationReport } from './plan.ts'

export class Station {
  readonly port: number
  readonly #program: Program

  private constructor(program: Program, port: number) {
    this.#program = program
    this.port = port
  }

  /** Its origin listens on `port`, of TCP and of UDP; 0 takes a free one. */
  static async start(stage: Stage, port = 0): Promise<Station> {
    const command = pinned(stage.settings.cores.others, process.execPath, [import.meta.filename, String(port)])
    const program = new Program(command, ['ignore', 'inherit', 'inherit', 'ipc'])
    stage.atEnd(program.kill)
    const answer = await nextAnswer(program)
    if (answer.kind !== 'listening') throw new Error('the station does not listen')
    return new Station(program, answer.port)
  }

  /** Throws where a unit was not done as it should be. */
  async run(plan: LoadPlan): Promise<StationReport> {
    const answer = await this.#ask({ kind: 'load', plan })
    if (answer.kind !== 'report') throw new Error('the station gave no report')
    return answer.report
  }

  /** Bytes of content that its origin has got with requests that came in full. */
  async receivedBytes(): Promise<number> {
    const answer = await this.#ask({ kind: 'received' })
    if (answer.kind !== 'received') throw new Error('the station gave no count')
    return answer.bytes
  }

  /** Opens so many connections, makes one request over each, and keeps them open. */
  async hold(port: number, connections: number, isHttp2 = false): Promise<void> {
    await this.#ask({ kind: 'hold', port, connections, isHttp2 })
  }

  /** Closes them. */
  async release(): Promise<void> {
    await this.#ask({ kind: 'release' })
  }

  /** One order at a time. */
  #ask(order: StationOrder): Promise<StationAnswer> {
    const answer = nextAnswer(this.#program)
    this.#program.child.send(order)
    return answer
  }
}

function nextAnswer({ child }: Program): Promise<StationAnswer> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('the process of the load ended before its time'))
    child.once('exit', onExit)
    child.once('message', (answer: StationAnswer) => {
      child.removeListener('exit', onExit)
      if (answer.kind === 'failed') reject(new Error(answer.reason))
      else resolve(answer)
    })
  })
}

async function serve(port: number): Promise<void> {
  const origin = new AnsweringOrigin()
  const idle = new IdleConnections()
  const idleHttp2 = new IdleHttp2Connections()
  const tell = (answer: StationAnswer) => process.send?.(answer)
  const carryOut = async (order: StationOrder): Promise<StationAnswer> => {
    switch (order.kind) {
      case 'load':
        return { kind: 'report', report: await new LoadRun(order.plan).run() }
      case 'hold':
        await (order.isHttp2 ? idleHttp2 : idle).hold(order.port, order.connections)
        return { kind: 'held' }
      case 'release':
        await Promise.all([idle.release(), idleHttp2.release()])
        return { kind: 'released' }
      case 'received':
        return { kind: 'received', bytes: origin.receivedBytes }
    }
  }
  process.on('message', (order: StationOrder) => {
    carryOut(order).then(tell, (error: unknown) => tell({ kind: 'failed', reason: messageOf(error) }))
  })
  process.once('disconnect', () => process.exit())
  const taken = await origin.listen(port)
  await new DatagramEcho().listen(taken)
  tell({ kind: 'listening', port: taken })
}

if (import.meta.main) await serve(Number(process.argv[2]))
