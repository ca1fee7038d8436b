import { constants } from 'node:os'

/** SIGTERM and SIGINT: the first asks for an orderly end, the second ends the process at once. */

export type ShutdownSignal = 'SIGTERM' | 'SIGINT'

/** Takes the signals over from now on; resolves with the first. */
export function firstShutdownSignal(): Promise<ShutdownSignal> {
  return new Promise(resolve => {
    let asked = false
    const onSignal = (signal: NodeJS.Signals) => {
      // What a shell reports for a process that a signal ended.
      if (asked) process.exit(128 + constants.signals[signal])
      asked = true
      resolve(signal as ShutdownSignal)
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
