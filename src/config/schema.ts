import * as z from 'zod'
import { parseControlSocket } from './control-socket.ts'
import { errorPages } from './schema/error-pages.ts'
import { listener } from './schema/listener.ts'
import { resolver } from './schema/resolver.ts'
import { route } from './schema/route.ts'
import { duration, name, textOf, wholeNumber } from './schema/scalars.ts'
import { upstream } from './schema/upstream.ts'

/**
 * The configuration language, as far as it is supported: the one model that every source of a configuration is checked
 * by, and that the published JSON Schema is made from. Defaults stand here and nowhere else. What a schema cannot say
 * (references between parts, contradictions) is checked in `references.ts`.
 */

const WORKERS_MAX = 256
const workersMessage = `must be auto or a whole number from 1 to ${WORKERS_MAX}`

const runtime = z.strictObject({
  workers: z
    .union([z.literal('auto'), wholeNumber('Threads.', 1, WORKERS_MAX).meta({ examples: [4] })], {
      error: issue => (issue.input === null ? undefined : workersMessage),
    })
    .default('auto')
    .describe('Data-plane threads; auto: one per core that the process may use.'),
  shutdown_grace: duration('What running requests get to finish after SIGTERM. Past it: they are cut.').prefault('30s'),
  control_socket: textOf(parseControlSocket, {
    description:
      'The unix socket by which "sluice status", "sluice reload" and the like reach the process; only its owner may. auto: a place that the commands find by themselves; off: none; or a path, from the folder of the configuration on.',
    examples: ['/run/sluice/control.sock', 'auto', 'off'],
  }).prefault('auto'),
})

const log = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('The least severe lines that are written.'),
  format: z.enum(['json', 'pretty']).default('json').describe('json for machines, pretty for people.'),
  access: z
    .strictObject({
      enabled: z.boolean().default(true).describe('One line for each exchange.'),
      sample: z
        .number()
        .min(0, { error: sampleMessage })
        .max(1, { error: sampleMessage })
        .default(1)
        .describe('The share of exchanges that get a line, from 0 to 1.'),
    })
    .prefault({})
    .describe('The access log.'),
})

const includedPath = z
  .string()
  .meta({ description: 'A path, a pattern or a folder.', examples: ['conf.d/*.yaml', 'routes.toml', 'conf.d'] })

function sampleMessage(): string {
  return 'must be a number from 0 to 1'
}

export const configurationSchema = z
  .strictObject({
    $schema: z
      .string()
      .optional()
      .meta({
        description: 'Where the JSON Schema is, for editors; not read by the proxy.',
        examples: ['./node_modules/sluice/config/schema.json'],
      }),
    include: z
      .union([includedPath, z.array(includedPath)])
      .optional()
      .describe(
        'Other files of the configuration: paths, patterns with wildcards, or folders, relative to this file. Listeners and upstreams are put together by name, routes one behind the other, those of this file first.',
      ),
    runtime: runtime.prefault({}).describe('Threads and shutdown.'),
    log: log.prefault({}).describe('What is logged, and how.'),
    listeners: z
      .record(name, listener)
      .refine(listeners => Object.keys(listeners).length > 0, { error: 'needs at least one listener' })
      .meta({ description: 'Addresses that accept connections, by name.', minProperties: 1 }),
    resolver: resolver.prefault({}).describe('How names of endpoints are looked up.'),
    upstreams: z.record(name, upstream).default({}).describe('Groups of endpoints, by name.'),
    error_pages: errorPages.describe(
      'What is sent in place of errors, for all routes and for requests that no route takes; pages of a route go first, and of several that fit the first.',
    ),
    routes: z.array(route).default([]).describe('What is done with requests. A request that no route takes gets 404.'),
  })
  .describe('The configuration of Sluice.')

/** A configuration as it is written: what `defineConfig` and `createProxy` take. */
export type ConfigurationInput = z.input<typeof configurationSchema>

/** A configuration that passed the schema: defaults filled in, units converted. */
export type ConfigurationModel = z.output<typeof configurationSchema>
