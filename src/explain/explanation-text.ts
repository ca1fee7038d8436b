/** What `sluice explain` says, for people. */
import type {
  Candidate,
  ExplainedErrorPage,
  ExplainedFallback,
  ExplainedFiles,
  ExplainedRules,
  ExplainedShare,
  ExplainedSplit,
  ExplainedUpstream,
  Explanation,
} from '../../engine/explain/explanation.ts'
import { formatDuration } from '../config/units.ts'
import { endpointLine, row, rows } from './page-parts.ts'
import { printableTexts } from './printable.ts'
import { PLAIN_STYLE, type Style } from './style.ts'

/** Candidates that are listed, those that are near. The rest is only counted. */
const CANDIDATES_MAX = 40

export interface ExplanationTextOptions {
  readonly style?: Style
  /** Lists all routes, those without anything in common with the request too. */
  readonly all?: boolean
}

/** Lines without a line end at the last. Nothing in it moves a cursor. */
export function explanationText(explanation: Explanation, options: ExplanationTextOptions = {}): string {
  const { style = PLAIN_STYLE, all = false } = options
  return new Page(printableTexts(explanation), style).lines(all).join('\n')
}

class Page {
  readonly #explanation: Explanation
  readonly #style: Style

  constructor(explanation: Explanation, style: Style) {
    this.#explanation = explanation
    this.#style = style
  }

  lines(all: boolean): string[] {
    return [...this.#request(), '', ...this.#candidates(all), '', ...this.#outcome()]
  }

  #request(): string[] {
    const { listener, request } = this.#explanation
    const { faint, strong } = this.#style
    const path = request.path === request.writtenPath ? '' : ` (written ${request.writtenPath})`
    const reason = listener.reason === '' ? '' : faint(`, ${listener.reason}`)
    return [
      row('listener', strong(listener.name) + reason),
      row('request', `${request.method} ${request.host || '(no host)'} ${request.path || '(no path)'}${path}`),
      ...(request.scheme === 'https' ? [row('scheme', request.scheme)] : []),
      row('client', request.certificate === '' ? request.client : `${request.client}, ${request.certificate}`),
    ]
  }

  #candidates(all: boolean): string[] {
    const { candidates, route } = this.#explanation
    const { strong, faint } = this.#style
    if (candidates.length === 0) return [strong('routes'), `  ${this.#withoutCandidates()}`]
    const nearest = nearestFirst(candidates)
    const kept = new Set(all ? candidates : nearest.slice(0, CANDIDATES_MAX))
    const shown = (route === null ? nearest : candidates).filter(candidate => kept.has(candidate))
    const left = candidates.length - shown.length
    const width = Math.max(...shown.map(candidate => candidate.route.length))
    return [
      strong(route === null ? 'routes, none of which matches; the nearest first' : 'routes, by precedence'),
      ...shown.map(candidate => this.#candidate(candidate, width)),
      ...(left > 0 ? [faint(`  and ${left} more (--all lists them)`)] : []),
    ]
  }

  #withoutCandidates(): string {
    const { action, error } = this.#explanation
    if (error === 'no_route') return 'there is none for this listener'
    return action === 'error'
      ? 'none is asked: the request is refused before'
      : 'none is asked: the listener leads to https'
  }

  #candidate({ route, matches, failed, behind }: Candidate, width: number): string {
    const { good, bad, faint, strong } = this.#style
    const name = route.padEnd(width)
    if (matches && behind === '') return `  ${good('✓')} ${strong(name)}  chosen`
    if (matches) return `  ${faint('·')} ${name}  ${faint(`matches too; the chosen one has ${behind}`)}`
    const [first = '', ...others] = failed
    return `  ${bad('✗')} ${name}  ${first}${others.map(one => faint(`; ${one}`)).join('')}`
  }

  #outcome(): string[] {
    const { route, action, captures, fallbacks, split, rewrites, plugins, upstream, upstreamRequest, mirror, files } =
      this.#explanation
    const { rules, responseEdits, answer, error } = this.#explanation
    const { strong, bad } = this.#style
    const { fields = {} } = answer ?? {}
    return [
      ...(route === null ? [] : [row('route', `${strong(route)}${describeCaptures(captures)}`)]),
      ...fallbacks.flatMap(fallback => this.#fallback(fallback)),
      row('action', action),
      ...(split === null ? [] : this.#split(split)),
      ...rows('rewrites', rewrites),
      ...(route === null ? [] : [row('plugins', plugins.length === 0 ? 'none' : plugins.join(' → '))]),
      ...(upstream === null ? [] : this.#upstream(upstream)),
      ...(upstreamRequest === null ? [] : sentLines(upstreamRequest)),
      ...(mirror === null ? [] : [row('mirror', `${mirror.upstream}, ${formatShare(mirror.share)} of such requests`)]),
      ...(files === null ? [] : fileLines(files)),
      ...(rules === null ? [] : ruleLines(rules)),
      ...rows('response', responseEdits),
      ...(answer === null ? [] : [row('answers', strong(String(answer.status)))]),
      ...Object.entries(fields).map(([name, value]) => row('', `${name}: ${value}`)),
      ...(error === '' ? [] : [row('error', bad(error))]),
    ]
  }

  #fallback({ route, error, upstream }: ExplainedFallback): string[] {
    return [...this.#upstream(upstream), row('fallback', `${this.#style.strong(route)}, because of ${error}`)]
  }

  #split({ by, targets }: ExplainedSplit): string[] {
    const width = Math.max(...targets.map(({ upstream }) => upstream.length))
    return rows('split', [`by ${by}`, ...targets.map(target => this.#share(target, width))])
  }

  #share({ upstream, share, when, chosen }: ExplainedShare, width: number): string {
    const mark = chosen ? this.#style.good('→') : ' '
    const verdict = when === null ? '' : `  when ${when.holds ? 'holds' : 'fails'}: ${when.text}`
    return `${mark} ${upstream.padEnd(width)}  ${formatShare(share)}${verdict}`
  }

  #upstream(upstream: ExplainedUpstream): string[] {
    const { name, reason, alternatives, protocol, tls, balance, endpoint, endpointReason, endpoints } = upstream
    const spoken = PROTOCOLS[protocol] + (tls ? ' over TLS' : '')
    const { strong, faint, bad } = this.#style
    const width = Math.max(0, ...endpoints.map(one => one.name.length))
    const others = alternatives.length === 0 ? '' : faint(` (${alternatives.join(' or ')})`)
    return [
      row('upstream', strong(name) + (reason === '' ? '' : faint(`, ${reason}`)) + others),
      row('endpoint', (endpoint === '' ? bad('none') : strong(endpoint)) + faint(`, ${endpointReason}`)),
      ...endpoints.map(one => endpointLine(one, width, this.#style)),
      ...(protocol === 'http' && !tls ? [] : [row('protocol', spoken)]),
      row('balance', balance),
    ]
  }
}

const PROTOCOLS = { http: 'HTTP/1.1', h2: 'HTTP/2', h2c: 'HTTP/2', auto: 'HTTP/2 or HTTP/1.1' } as const

/**
 * Those that match, then those of which a person sees at once what is wrong. Another host is mostly another's request, and so
 * is another path where as much fails elsewhere.
 */
function nearestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  const fails = ({ failed }: Candidate, what: string) => Number(failed.some(reason => reason.startsWith(`${what}: `)))
  return candidates.toSorted(
    (a, b) =>
      fails(a, 'host') - fails(b, 'host') || a.failed.length - b.failed.length || fails(a, 'path') - fails(b, 'path'),
  )
}

function describeCaptures(captures: Explanation['captures']): string {
  const pairs = Object.entries(captures).map(([name, value]) => `${name} = ${value}`)
  return pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
}

function sentLines(request: NonNullable<Explanation['upstreamRequest']>): string[] {
  const fields = request.fields.map(([name, value]) => `${name}: ${value}`)
  return rows('sends', [`${request.method} ${request.target} HTTP/1.1`, ...fields])
}

function fileLines({ root, names, precompressed }: ExplainedFiles): string[] {
  const endings = precompressed.length === 0 ? '' : ` (or with ${precompressed.join(', ')} behind its name)`
  return rows('files', [`${root}, the first of these that there is${endings}`, ...names.map(name => `  ${name}`)])
}

function ruleLines({ timeouts, retry, fallback, errorPages }: ExplainedRules): string[] {
  return [
    ...(timeouts === null ? [] : [row('timeouts', describeTimeouts(timeouts))]),
    ...(retry === null ? [] : [row('retry', describeRetry(retry))]),
    ...(fallback === '' ? [] : [row('else', `route ${fallback}, where the upstream cannot answer`)]),
    ...(errorPages.length === 0 ? [] : [row('pages', errorPages.map(describePage).join('; '))]),
  ]
}

function describeTimeouts(timeouts: NonNullable<ExplainedRules['timeouts']>): string {
  const { connectMs, responseMs, idleMs, totalMs } = timeouts
  const parts = Object.entries({ connect: connectMs, response: responseMs, idle: idleMs, total: totalMs })
  return parts.map(([name, ms]) => `${name} ${ms === 0 ? 'none' : formatDuration(ms)}`).join(', ')
}

function describeRetry({ attempts, on, repeats }: NonNullable<ExplainedRules['retry']>): string {
  if (attempts === 0 || on.length === 0) return 'never'
  const only = repeats ? '' : '; not once it may have been received, because of its method'
  return `at most ${attempts} more, on ${on.join(', ')}${only}`
}

function describePage({ statuses, intercepts, status }: ExplainedErrorPage): string {
  const sent = status === 0 ? '' : ` sent as ${status}`
  return `${statuses.join(', ')}${sent}${intercepts ? ", the upstream's too" : ''}`
}

function formatShare(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`
}
