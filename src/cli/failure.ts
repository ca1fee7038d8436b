import { ConfigurationError, formatProblem, type Problem } from '../config/errors.ts'
import { type Paint, plain } from './colours.ts'
import { CommandFailure, UsageError } from './exit-codes.ts'

/** What stderr says about an error that ended the command. */
export function describeFailure(error: unknown, paint: Paint = plain): string {
  if (error instanceof ConfigurationError) return describeProblems(error.problems, paint)
  // These are about the world outside, and their message names the listener or the file: one line will do.
  if (error instanceof Error && /^E[A-Z0-9]+$/.test((error as NodeJS.ErrnoException).code ?? '')) {
    return `sluice: ${oneLine(error.message)}`
  }
  if (error instanceof CommandFailure || error instanceof UsageError) return `sluice: ${error.message}`
  // Anything else is a defect of ours, and whoever reports it needs the stack.
  return `sluice: internal error: ${error instanceof Error ? error.stack : String(error)}`
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ')
}

/** One line for each problem: where it is, what is wrong, what was probably meant. */
export function describeProblems(problems: readonly Problem[], paint: Paint = plain): string {
  return problems.map(problem => describeProblem(problem, paint)).join('\n')
}

function describeProblem(problem: Problem, paint: Paint): string {
  const line = formatProblem(problem)
  if (paint === plain) return line
  const parts = /^(.*?(?::\d+:\d+)?): (.*?)( \[[a-z-]+\])?$/.exec(line)
  if (parts === null) return line
  const [, position = '', text = '', code = ''] = parts
  const colour = problem.severity === 'warning' ? 'yellow' : 'red'
  return `${paint('bold', position)}: ${paint(colour, text)}${paint('dim', code)}`
}
