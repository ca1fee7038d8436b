import { constants } from 'node:os'

/** SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once. */

export type ShutdownSignal = 'SIGTERM' | 'SIGINT'

/** Takes the signals over from now on; resolves with the first. */
export function firstShutdownSignal(): Promise<ShutdownSignal> {
  return new Promise(resolve => {
    let isAsked = false
    onShutdownSignals(signal => {
      if (isAsked) endAtOnce(signal)
      isAsked = true
      resolve(signal)
    })
  })
}

/** What asks for the end of an instance: a signal, or `sluice stop` on its control socket. */
export type ShutdownCause = ShutdownSignal | 'stop'

/** The end of an instance: asked for once, from whichever side. A signal after that ends the process at once. */
export class Shutdown {
  /** Resolves with what asked first. */
  readonly asked: Promise<ShutdownCause>
  #resolve: (cause: ShutdownCause) => void = () => undefined
  #isAsked = false

  /** Takes the signals over from now on. */
  constructor() {
    this.asked = new Promise(resolve => {
      this.#resolve = resolve
    })
    onShutdownSignals(signal => {
      if (this.#isAsked) endAtOnce(signal)
      this.ask(signal)
    })
  }

  get isAsked(): boolean {
    return this.#isAsked
  }

  ask(cause: ShutdownCause): void {
    this.#isAsked = true
    this.#resolve(cause)
  }
}

function onShutdownSignals(onSignal: (signal: ShutdownSignal) => void): void {
  process.on('SIGTERM', () => onSignal('SIGTERM'))
  process.on('SIGINT', () => onSignal('SIGINT'))
}

/** With what a shell reports for a process that a signal ended. */
function endAtOnce(signal: ShutdownSignal): never {
  process.exit(128 + constants.signals[signal])
}
