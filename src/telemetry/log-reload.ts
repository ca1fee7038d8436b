import type { Changes, ReloadReport } from '../../engine/threads/api.ts'
import { ConfigurationError, formatProblem, type Problem } from '../config/errors.ts'
import type { Log } from './log.ts'

/** What the log says of configurations: which is in force, what a reload has changed, why one was refused. */

type Logger = Log['logger']

/** What there is to say of a configuration that was taken. */
interface Taken {
  readonly name: string
  readonly hash: string
  readonly warnings: readonly Problem[]
}

/** Names of a list that go into a line; of more, only the number is told. */
const NAMES_MAX = 20

/** The first letters of a configuration's hash: enough to tell one from another. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12)
}

export function logGeneration(logger: Logger, generation: number, { name, hash, warnings }: Taken): void {
  for (const warning of warnings) logProblem(logger, 'warn', warning)
  logger.info({ generation, hash, file: name }, `generation ${generation} (${shortHash(hash)}) of ${name}`)
}

export function logReloaded(
  logger: Logger,
  report: ReloadReport & { hash: string; warnings: readonly Problem[]; needsRestart: readonly string[] },
): void {
  const { generation, hash, warnings, needsRestart } = report
  for (const warning of warnings) logProblem(logger, 'warn', warning)
  const touched = (['listeners', 'upstreams', 'routes'] as const).filter(part => countOf(report[part]) > 0)
  const changes = Object.fromEntries(touched.map(part => [part, fieldsOf(report[part])]))
  const sentence = `reloaded: generation ${generation} (${shortHash(hash)}): ${describeChanges(report)}`
  logger.info({ generation, hash, ...changes }, sentence)
  if (needsRestart.length > 0) {
    logger.warn({ keys: needsRestart }, `changed, but counts from the next start on: ${needsRestart.join(', ')}`)
  }
}

/** A reload came to nothing: every problem of the file, or what else was in the way. */
export function logReloadFailure(logger: Logger, error: unknown, generation: number): void {
  const goesOn = `generation ${generation} goes on`
  if (!(error instanceof ConfigurationError)) {
    const reason = error instanceof Error ? error.message : String(error)
    logger.error({ generation, reason }, `reload failed: ${reason}; ${goesOn}`)
    return
  }
  for (const problem of error.problems) {
    logProblem(logger, problem.severity === 'warning' ? 'warn' : 'error', problem)
  }
  const problems = error.problems.filter(problem => problem.severity === 'error').length
  const count = `${problems} ${problems === 1 ? 'error' : 'errors'}`
  logger.error({ generation, problems }, `reload refused, the configuration has ${count}; ${goesOn}`)
}

function logProblem(logger: Logger, level: 'warn' | 'error', problem: Problem): void {
  const { file, line, column, key, code } = problem
  logger[level]({ file, line, column, key, code }, formatProblem(problem))
}

function countOf({ added, changed, removed }: Changes): number {
  return added.length + changed.length + removed.length
}

/** What was kept is nearly all, and nobody's concern. */
function fieldsOf({ added, changed, removed }: Changes): Record<string, unknown> {
  return { added: namesOf(added), changed: namesOf(changed), removed: namesOf(removed) }
}

function namesOf(names: readonly string[]): readonly string[] {
  if (names.length <= NAMES_MAX) return names
  return [...names.slice(0, NAMES_MAX), `and ${names.length - NAMES_MAX} more`]
}

/** `routes: 1 added, 2 changed; upstreams: 1 removed`, in one line. */
export function describeChanges({ listeners, upstreams, routes }: Omit<ReloadReport, 'generation'>): string {
  const parts = [
    describePart('listeners', listeners),
    describePart('upstreams', upstreams),
    describePart('routes', routes),
  ]
  return parts.filter(part => part !== '').join('; ') || 'nothing has changed'
}

function describePart(what: string, changes: Changes): string {
  const counts = (['added', 'changed', 'removed'] as const)
    .filter(kind => changes[kind].length > 0)
    .map(kind => `${changes[kind].length} ${kind}`)
  return counts.length === 0 ? '' : `${what}: ${counts.join(', ')}`
}
