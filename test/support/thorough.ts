/** `THOROUGH=1`, as `npm run test:slow` has it: what `npm test` has no time for. */
export const THOROUGH: boolean = process.env.THOROUGH === '1'

/** That many runs where there is time; else so manieth a part of them. */
export function runsOf(all: number, part: number): { numRuns: number } {
  return { numRuns: THOROUGH ? all : Math.ceil(all / part) }
}
