/** Colours of what commands print: on a terminal that has them, and where nobody said not to. */

/**
 * `NO_COLOR` (no-color.org) and a dumb terminal mean none, whatever else is said; `FORCE_COLOR` means them where there is
 * no terminal, or none at all as `FORCE_COLOR=0`.
 */
export function wantsColours(isTerminal: boolean, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = env
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  if (TERM === 'dumb') return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTerminal
}

const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

export type Colour = keyof typeof CODES

/** Puts text into a colour, or gives it back as it is. */
export type Paint = (colour: Colour, text: string) => string

export const plain: Paint = (_, text) => text

const coloured: Paint = (colour, text) => {
  const [on, off] = CODES[colour]
  return text === '' ? '' : `\u001b[${on}m${text}\u001b[${off}m`
}

/** For one of the standard streams. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Paint {
  return wantsColours(stream.isTTY === true, env) ? coloured : plain
}
