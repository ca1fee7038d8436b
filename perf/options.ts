import { PerfFailure } from './failure.ts'

/** A whole number given as `--name text`. */
export function wholeNumber(name: string, text: string, minimum: number, maximum: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value
  throw new PerfFailure(`--${name} takes a whole number from ${minimum} to ${maximum}, not "${text}"`)
}

/** One of a few words given as `--name text`. */
export function oneOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const word = words.find(candidate => candidate === text)
  if (word !== undefined) return word
  throw new PerfFailure(`${name} is one of ${words.join(', ')}, not "${text}"`)
}

/** A command's arguments beside its options: none. */
export function noPositionals(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new PerfFailure(`there is no use for "${positionals.join(' ')}" here`)
}
