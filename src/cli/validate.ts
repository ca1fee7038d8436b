import { Command } from 'commander'
import type { Configuration } from '../config/load.ts'
import { configurationOption } from './configuration-option.ts'

/** `sluice validate`: says what is wrong with a configuration, or what it holds. */

export function validateCommand(): Command {
  return new Command('validate')
    .description('check a configuration without starting anything')
    .addOption(configurationOption())
    .action(async (options: { config: string }) => {
      // Loaded by the command that needs it: `start` reads the configuration apart, to keep this out of its memory.
      const { loadConfiguration } = await import('../config/load.ts')
      const configuration = await loadConfiguration(options.config)
      process.stdout.write(`${summary(configuration)}\n`)
    })
}

function summary({ name, snapshot }: Configuration): string {
  const endpoints = snapshot.upstreams.reduce((sum, upstream) => sum + upstream.endpoints.length, 0)
  const upstreams = `${count(snapshot.upstreams.length, 'upstream')} with ${count(endpoints, 'endpoint')}`
  return `${name} is valid: ${count(snapshot.listeners.length, 'listener')}, ${upstreams}, ${count(snapshot.routes.length, 'route')}`
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
