import * as z from 'zod'
import { parseAddress, parseService } from '../address.ts'
import { type Parsed, refused } from '../parsed.ts'
import {
  DURATION_PATTERN,
  formatDuration,
  formatSize,
  parseDuration,
  parseShare,
  parseSize,
  SHARE_PATTERN,
  SIZE_PATTERN,
} from '../units.ts'

/** The scalars of the language as zod types: text in, checked value out, description and pattern for editors. */

export const DURATION_MAXIMUM_MS = 168 * 3_600_000

interface Description {
  readonly description: string
  readonly pattern?: string
  readonly examples?: readonly string[]
  /** `template` where `${...}` may stand. */
  readonly format?: 'template'
}

/** Text that `parse` turns into a value; what it refuses becomes an issue with its hint. */
export function textOf<Value>(parse: (text: string) => Parsed<Value>, about: Description) {
  return z
    .string()
    .transform((text, context): Value => {
      const parsed = parse(text)
      if (parsed.ok) return parsed.value
      addRefusal(parsed, context)
      return z.NEVER
    })
    .meta({ ...about })
}

/** What was refused becomes an issue, with its hint and the code of the problem. */
export function addRefusal(parsed: Parsed<unknown>, context: z.core.$RefinementCtx, path: PropertyKey[] = []): void {
  if (parsed.ok) return
  const { message, hint, code } = parsed
  context.addIssue({ code: 'custom', message, path, params: { hint, code } })
}

/** One of something, or a list of it; comes out as a list. `empty` is what is said of a list with nothing in it. */
export function oneOrMany<Item extends z.ZodType>(item: Item, empty: string) {
  return z.union([item.transform(one => [one]), z.array(item).min(1, { error: empty })])
}

/** For editors: names of fields, of cookies (RFC 9110, section 5.6.2). */
export const TOKEN_PATTERN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"

/** A duration in milliseconds, longer than 0 and at most a week unless other bounds are given. */
export function duration(description: string, minimumMs = 1, maximumMs = DURATION_MAXIMUM_MS) {
  return textOf(text => parseDuration(text, minimumMs, maximumMs), {
    description: `${description} A duration such as 250ms, 5s, 1m or 1h; at most ${formatDuration(maximumMs)}.`,
    pattern: DURATION_PATTERN,
  })
}

/** A size in bytes. */
export function size(description: string, minimumBytes: number, maximumBytes: number) {
  return textOf(text => parseSize(text, minimumBytes, maximumBytes), {
    description: `${description} A size from ${formatSize(minimumBytes)} to ${formatSize(maximumBytes)}.`,
    pattern: SIZE_PATTERN,
  })
}

const SHARE_MESSAGE = 'must be a share from 0% to 100%, such as 20% or 0.2'

/** A share from 0 to 1, as a percentage or as a number. */
export function share(description: string) {
  const error = () => SHARE_MESSAGE
  const percentage = textOf(parseShare, { description: 'A percentage.', pattern: SHARE_PATTERN })
  return z
    .union([percentage, z.number().min(0, { error }).max(1, { error })])
    .describe(`${description} A share such as 20% or 0.2.`)
}

/** A share that is more than nothing; `otherwise` says what to write instead of nothing. */
export function positiveShare(description: string, otherwise: string) {
  return share(description).superRefine((value, context) => {
    if (value === 0) addRefusal(refused('must be more than 0%', otherwise, 'out-of-range'), context)
  })
}

/** `off`, or `false`, where a section or a value can be switched off; comes out as `null`. */
export const off = z.literal(['off', false]).transform(() => null)

/** `true` for all of the defaults of a section, `off` for none of it. */
export function switched<Section extends z.ZodType>(section: Section) {
  return z.union([section, z.literal(true).transform(() => section.parse({})), off])
}

export function wholeNumber(description: string, minimum: number, maximum: number) {
  const message = `must be a whole number from ${minimum} to ${maximum}`
  const error = ({ input }: { input?: unknown }) => (input === undefined || input === null ? undefined : message)
  return z.int({ error, abort: true }).min(minimum, { error }).max(maximum, { error }).describe(description)
}

export const listenerAddress = textOf(text => parseAddress(text, 'listener'), {
  pattern: '^unix:/|:[0-9]+$',
  description:
    'Where the listener accepts: host:port, [IPv6]:port, :port for every address (IPv6 and IPv4), or unix:/path. Port 0 takes a free port.',
  examples: ['0.0.0.0:8080', '[::1]:8080', ':8080', 'unix:/run/sluice.sock'],
})

/** Keeps the text beside the address: it is the endpoint's name in logs. */
export const endpointAddress = textOf(
  text => {
    const parsed = parseAddress(text, 'endpoint')
    return parsed.ok ? { ok: true, value: { address: parsed.value, name: text } } : parsed
  },
  {
    pattern: '^unix:/|[^:]:[0-9]+$',
    description: 'Where the endpoint is dialled: host:port, [IPv6]:port, or unix:/path. A name is resolved.',
    examples: ['10.0.0.1:3000', 'api.internal:3000', 'unix:/run/api.sock'],
  },
)

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
const NAME_MESSAGE = 'a name has 1 to 64 letters, digits, "_", "-" and ".", and begins with a letter or a digit'

/** As `endpointAddress`. */
export const serviceName = textOf(
  text => {
    const parsed = parseService(text)
    return parsed.ok ? { ok: true, value: { address: parsed.value, name: text } } : parsed
  },
  {
    pattern: '^_[^.]+[.]_(tcp|udp)[.]',
    description: 'A name whose SRV records (RFC 2782) give the addresses, their ports, priorities and weights.',
    examples: ['_http._tcp.api.internal'],
  },
)

/** Text that is sent or looked for as it is. */
export function plainText(description: string, maximum: number) {
  return z
    .string()
    .min(1, { error: 'must not be empty; leave the key out' })
    .max(maximum, { error: `must be at most ${maximum} characters` })
    .describe(description)
}

/** The name of a listener, an upstream or a route: it ends up in logs, metrics and other configurations' references. */
export const name = z.string().regex(NAME, { error: NAME_MESSAGE })
