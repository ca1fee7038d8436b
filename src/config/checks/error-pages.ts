import { ERRORS } from '../../../engine/exchange/errors.ts'
import { parseStatusRange } from '../health-check.ts'
import type { KeyPath } from '../positions.ts'
import { checkRespond } from './respond.ts'
import { checkPlainErrorPages } from './templates.ts'
import { listOf, mapOf, type Report, type Section } from './written.ts'

/** Whose errors the pages are for: those of all routes and of none, of a route with an upstream, or of one with files. */
export type ErrorPagesOf = 'everything' | 'upstream' | 'files'

type Range = readonly [first: number, last: number]

/** What the proxy answers by itself, without a response of an upstream. */
const OWN_STATUSES: ReadonlySet<number> = new Set(
  Object.values(ERRORS)
    .map(row => row.status)
    .filter(status => status >= 400),
)

/** What goes wrong before a route is found, or while files are served. */
const OWN_OF: Readonly<Record<ErrorPagesOf, (status: number) => boolean>> = {
  everything: () => true,
  upstream: status => [400, 408, 413, 431, 500, 502, 503, 504].includes(status),
  files: status => [400, 403, 404, 405, 408, 412, 413, 416, 500, 503].includes(status),
}
const FILES_STATUSES = [403, 404, 405, 412, 416]

export function checkErrorPages(pages: readonly unknown[], path: KeyPath, of: ErrorPagesOf, report: Report): void {
  const earlier: { ranges: Range[]; intercepts: boolean; index: number }[] = []
  for (const [index, item] of pages.entries()) {
    const page = mapOf(item)
    const ranges = rangesOf(page.status)
    const intercepts = page.intercept === true
    checkRespond(mapOf(page.respond), [...path, index, 'respond'], report)
    if (ranges.length === 0) continue
    if (!intercepts) checkOccurs(ranges, of, [...path, index, 'status'], report)
    const before = earlier.filter(other => other.intercepts || !intercepts)
    const covering = before.find(other => isCovered(ranges, other.ranges))
    const covered = isCovered(
      ranges,
      before.flatMap(other => other.ranges),
    )
    if (covered) {
      const named = covering ?? before[0]
      const message =
        covering === undefined
          ? 'earlier pages have all of these statuses already'
          : 'an earlier page has all of these statuses already'
      const hint = 'move it before that one, or take it out'
      report('error-page-shadowed', [...path, index, 'status'], message, hint, [...path, named?.index ?? 0])
    }
    earlier.push({ ranges, intercepts, index })
  }
  checkPlainErrorPages(pages, path, report)
}

function rangesOf(written: unknown): Range[] {
  const items = Array.isArray(written) ? listOf(written) : [written]
  return items.flatMap((item): Range[] => {
    const parsed = typeof item === 'string' ? parseStatusRange(item) : null
    const range: Range | null = typeof item === 'number' ? [item, item] : parsed?.ok ? parsed.value : null
    return range !== null && range[0] >= 400 && range[1] <= 599 ? [range] : []
  })
}

function isCovered(ranges: readonly Range[], by: readonly Range[]): boolean {
  return ranges.every(range =>
    statusesIn(range).every(status => by.some(([first, last]) => first <= status && status <= last)),
  )
}

function statusesIn([first, last]: Range): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, step) => first + step)
}

function checkOccurs(ranges: readonly Range[], of: ErrorPagesOf, path: KeyPath, report: Report): void {
  const occurs = (status: number) => {
    if (of === 'files' && FILES_STATUSES.includes(status)) return true
    return OWN_STATUSES.has(status) && OWN_OF[of](status)
  }
  const never = ranges.filter(range => !statusesIn(range).some(occurs))
  if (never.length === 0) return
  const names = never.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(', ')
  const hint = of === 'files' ? 'take it out' : '"intercept: true" takes such responses of the upstream'
  report(
    'error-page-never',
    path,
    `${names} never ${never.length === 1 ? 'comes' : 'come'} from the proxy itself here`,
    hint,
  )
}

/** A section of the pages of a route, by what the route does; `null` where no error can come. */
export function errorPagesOf(route: Section): ErrorPagesOf | null {
  if (route.upstream !== undefined || route.split !== undefined) return 'upstream'
  return route.files === undefined ? null : 'files'
}
