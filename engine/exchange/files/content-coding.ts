/** Which of the compressed files beside a file a client would like best (RFC 9110, section 12.5.3). */

export type ContentCoding = 'zstd' | 'br' | 'gzip'

/** How the names of compressed files end. */
export const SUFFIXES: Readonly<Record<ContentCoding, string>> = { zstd: '.zst', br: '.br', gzip: '.gz' }

const IDENTITY = 'identity'

/**
 * Those of `available` that the client accepts, the one that it likes best first; of equals, in their own order. What it
 * likes less than the file as it is does not count.
 */
export function preferredCodings(acceptEncoding: string, available: readonly ContentCoding[]): ContentCoding[] {
  if (acceptEncoding === '') return []
  const weights = weightsOf(acceptEncoding)
  const least = weights.get(IDENTITY) ?? weights.get('*') ?? 0
  const weightOf = (coding: ContentCoding) => weights.get(coding) ?? weights.get('*') ?? 0
  return available
    .filter(coding => weightOf(coding) > 0 && weightOf(coding) >= least)
    .sort((a, b) => weightOf(b) - weightOf(a))
}

function weightsOf(acceptEncoding: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const element of acceptEncoding.split(',')) {
    const [name = '', ...parameters] = element.split(';').map(part => part.trim().toLowerCase())
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, weightOf(parameters))
  }
  return weights
}

/** 1 where none is given; what is no weight is 0, so that nobody gets what he may not have meant. */
function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find(parameter => /^q\s*=/.test(parameter))
  if (weight === undefined) return 1
  const [, digits] = /^q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.exec(weight) ?? []
  return digits === undefined ? 0 : Number(digits)
}
