/** Holds what `explain` says of a request against what a test expects. */
import type { Explanation } from '../../engine/explain/explanation.ts'
import type { FlowExplanation } from '../../engine/explain/flow-explanation.ts'
import { nearest } from '../config/suggest.ts'
import { printable } from './printable.ts'
import type { Expectation } from './route-test-schema.ts'

/** One thing that is not as expected. */
export interface Mismatch {
  readonly what: string
  readonly expected: string
  readonly got: string
}

export interface Verdict {
  readonly mismatches: readonly Mismatch[]
  /** Why the route that was expected did not take the request; empty where that is not the matter. */
  readonly because: string
}

type Check = (expectation: Expectation, explanation: Explanation) => readonly Mismatch[]

const NONE = 'none'

/** `null` stands for none; what is not expected to be anything is as it may be. `why` says why there is none. */
function differing(
  what: string,
  expected: string | null | undefined,
  got: string | null,
  why = '',
): readonly Mismatch[] {
  if (expected === undefined || expected === got) return []
  return [{ what, expected: expected ?? NONE, got: got ?? (why === '' ? NONE : `${NONE}: ${why}`) }]
}

type Values = Readonly<Record<string, string | null>> | undefined

function differingEach(
  what: string,
  expected: Values,
  got: (name: string) => string | null,
  why = '',
): readonly Mismatch[] {
  return Object.entries(expected ?? {}).flatMap(([name, value]) => differing(`${what} ${name}`, value, got(name), why))
}

/** The path and what follows it. */
function pathOf(target: string | undefined): string | null {
  return target === undefined ? null : (target.split('?', 1)[0] as string)
}

/** One for each key of an expectation, in the order in which they are reported. */
const CHECKS: Readonly<Record<keyof Expectation, Check>> = {
  listener: ({ listener }, got) => differing('listener', listener, got.listener.name),
  route: ({ route }, got) => differing('route', route, got.route),
  action: ({ action }, got) => differing('action', action, got.action),
  upstream: ({ upstream }, got) => upstreamMismatch(upstream, got),
  path: ({ path }, got) => differing('path', path, pathOf(got.upstreamRequest?.target), notSent(got)),
  target: ({ target }, got) => differing('target', target, got.upstreamRequest?.target ?? null, notSent(got)),
  host: ({ host }, got) => differing('host', host, got.upstreamRequest?.host ?? null, notSent(got)),
  request_headers: ({ request_headers }, got) => {
    const lines = got.upstreamRequest?.fields ?? []
    return differingEach('request header', request_headers, name => joined(lines, name), notSent(got))
  },
  captures: ({ captures }, got) => differingEach('capture', captures, name => got.captures[name] ?? null),
  file: ({ file }, got) => differing('file', file, got.files?.names[0] ?? null),
  status: ({ status }, got) => {
    const told = got.answer === null ? null : String(got.answer.status)
    return differing('status', typeof status === 'number' ? String(status) : status, told, notOwn(got))
  },
  response_headers: ({ response_headers }, got) => {
    const fields = got.answer?.fields ?? {}
    const toldOf = (name: string) => fields[name.toLowerCase()] ?? null
    return differingEach('response header', response_headers, toldOf, notOwn(got))
  },
  mirror: ({ mirror }, got) => differing('mirror', mirror, got.mirror?.upstream ?? null),
  error: ({ error }, got) => differing('error', error, got.error === '' ? null : got.error),
}

/** Of a split by chance any upstream that may be chosen is right. */
function upstreamMismatch(expected: string | null | undefined, got: Explanation): readonly Mismatch[] {
  const upstream = got.upstreamRequest === null ? null : got.upstream
  if (typeof expected === 'string' && upstream?.alternatives.includes(expected)) return []
  if (upstream === null) return differing('upstream', expected, null, notSent(got))
  const { name, alternatives } = upstream
  return differing('upstream', expected, alternatives.length > 0 ? alternatives.join(' or ') : name)
}

/** Why no upstream gets the request; empty where one does. */
function notSent({ action, upstreamRequest, error }: Explanation): string {
  if (upstreamRequest !== null) return ''
  return error === '' ? `the route says ${action}` : `the request ends with ${error}`
}

/** Why the proxy does not answer itself; empty where it does. */
function notOwn({ answer, upstream }: Explanation): string {
  if (answer !== null) return ''
  return upstream === null ? 'a file answers' : `the upstream ${upstream.name} answers`
}

/** Lines of a field joined as RFC 9110, section 5.3, has it. */
function joined(fields: readonly (readonly [string, string])[], name: string): string | null {
  const values = fields.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  return values.length === 0 ? null : values.join(', ')
}

export function judge(expectation: Expectation, explanation: Explanation): Verdict {
  const mismatches = Object.values(CHECKS).flatMap(check => check(expectation, explanation))
  return { mismatches, because: becauseOf(expectation, explanation) }
}

/** Of a connection or a datagram, which has nothing else that could be expected. */
export function judgeFlow(expectation: Expectation, got: FlowExplanation): Verdict {
  const { listener, upstream, error, ...others } = expectation
  const mismatches = [
    ...differing('listener', listener, got.listener.name),
    ...differing('upstream', upstream, got.upstream?.name ?? null),
    ...differing('error', error, got.error === '' ? null : got.error),
    ...Object.entries(others).map(([what, value]) => ({
      what,
      expected: JSON.stringify(value),
      got: `${NONE}: it is for requests`,
    })),
  ]
  return { mismatches, because: '' }
}

function becauseOf({ route }: Expectation, { candidates, route: got, error }: Explanation): string {
  if (typeof route !== 'string' || route === got) return ''
  if (candidates.length === 0 && error !== 'no_route') return `no route is asked: the request ends with ${error}`
  const candidate = candidates.find(one => one.route === route)
  if (candidate === undefined) {
    const near = nearest(
      route,
      candidates.map(one => one.route),
    )
    return `there is no route ${route} for this listener${near === null ? '' : `; did you mean ${near}?`}`
  }
  if (candidate.matches) return `${route} matches too, but ${got} goes first: it has ${candidate.behind}`
  return `${route} does not match: ${candidate.failed.join('; ')}`
}

/** The mismatches as lines, one below the other. Nothing in it moves a cursor. */
export function formatVerdict({ mismatches, because }: Verdict): string {
  const width = Math.max(0, ...mismatches.map(({ what }) => printable(what).length))
  const lines = mismatches.flatMap(({ what, expected, got }) => [
    `${printable(what).padEnd(width)}  expected ${printable(expected)}`,
    `${''.padEnd(width)}  got      ${printable(got)}`,
  ])
  return [...lines, ...(because === '' ? [] : [printable(because)])].join('\n')
}
