import type { Configuration } from '../config/load.ts'

/** What the command line of `sluice start` says against the file, for as long as the instance runs. */

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const

export interface Overrides {
  readonly workers?: number | undefined
  readonly logLevel?: (typeof LOG_LEVELS)[number] | undefined
}

export function withOverrides(configuration: Configuration, { workers, logLevel }: Overrides): Configuration {
  const { settings } = configuration
  return {
    ...configuration,
    settings: {
      ...settings,
      workers: workers ?? settings.workers,
      log: { ...settings.log, level: logLevel ?? settings.log.level },
    },
  }
}
