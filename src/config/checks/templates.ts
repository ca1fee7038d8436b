import type { PathMatch } from '../../../engine/snapshot.ts'
import { quote } from '../parsed.ts'
import { capturesOf, parsePathPattern } from '../path.ts'
import type { KeyPath } from '../positions.ts'
import { groupCount, groupNames, regexOf } from '../regex.ts'
import { nearest } from '../suggest.ts'
import {
  capturesIn,
  parseTemplate,
  type SeemingValue,
  seemingCaptures,
  seemingValues,
  type TemplateScope,
} from '../template.ts'
import { listOf, mapOf, type Report, type Section } from './written.ts'

/** Text of a route that may have values in it, and what may stand in it. */
interface Written extends TemplateScope {
  readonly path: KeyPath
  readonly text: unknown
}

/** That templates ask for what the path of their route catches; and that text which looks like one is one. */
export function checkTemplates(route: Section, path: KeyPath, report: Report): void {
  const pattern = patternOf(mapOf(route.match).path)
  for (const { path: inner, text, ...scope } of templatesOf(route)) {
    if (typeof text !== 'string') continue
    const place = [...path, ...inner]
    if (pattern !== null) checkCaptures(text, scope, pattern, place, report)
    const captures = pattern === null ? [] : knownCaptures(pattern)
    checkSeeming([...seemingValues(text, true), ...seemingCaptures(text, scope, captures)], true, place, report)
  }
  checkPlainText(route, path, report)
  checkReplacement(mapOf(mapOf(route.rewrite).regex), [...path, 'rewrite', 'regex'], report)
}

/** The pages of all routes: what they ask the path for has to be in that of some route. */
export function checkCommonTemplates(pages: readonly unknown[], routes: readonly Section[], report: Report): void {
  const patterns = routes.map(route => patternOf(mapOf(route.match).path)).filter(pattern => pattern !== null)
  const known = new Set(patterns.flatMap(knownCaptures))
  for (const [index, page] of pages.entries()) {
    const { body } = mapOf(mapOf(page).respond)
    if (typeof body !== 'string') continue
    const path = ['error_pages', index, 'respond', 'body']
    checkSeeming(seemingValues(body, true), true, path, report)
    const template = parseTemplate(body, RESPONSE)
    if (!template.ok) continue
    const [missing] = capturesIn(template.value).filter(name => !known.has(name))
    if (missing === undefined) continue
    const hint = captureHint(missing, [...known].slice(0, NAMED_MAX), written)
    report('unknown-capture', path, `${written(missing)} is not in the path of any route`, hint)
  }
}

/** Names that help on one line. */
const NAMED_MAX = 8

function written(capture: string): string {
  return `\${path.${capture}}`
}

/** `null` for what is no pattern, which is reported elsewhere. */
function patternOf(written: unknown): PathMatch | null {
  if (written === undefined) return { kind: 'prefix', path: '/' }
  const parsed = typeof written === 'string' ? parsePathPattern(written) : null
  return parsed?.ok ? parsed.value : null
}

const REQUEST: TemplateScope = { response: false, captures: false }
const RESPONSE: TemplateScope = { response: true, captures: false }
const PATH: TemplateScope = { response: false, captures: true }

function templatesOf(route: Section): Written[] {
  const rewrite = mapOf(route.rewrite)
  const query = mapOf(rewrite.query)
  const headers = mapOf(route.headers)
  const inMap = (map: unknown, path: KeyPath, scope: TemplateScope): Written[] =>
    Object.entries(mapOf(map)).map(([key, text]) => ({ ...scope, path: [...path, key], text }))
  const ways = ['set', 'add']
  return [
    { ...PATH, path: ['rewrite', 'path'], text: rewrite.path },
    { ...REQUEST, path: ['rewrite', 'host'], text: rewrite.host },
    { ...PATH, path: ['redirect', 'to'], text: mapOf(route.redirect).to },
    ...ways.flatMap(way => inMap(query[way], ['rewrite', 'query', way], REQUEST)),
    ...ways.flatMap(way => inMap(mapOf(headers.request)[way], ['headers', 'request', way], REQUEST)),
    ...ways.flatMap(way => inMap(mapOf(headers.response)[way], ['headers', 'response', way], RESPONSE)),
    ...listOf(route.error_pages).map((page, index) => ({
      ...RESPONSE,
      path: ['error_pages', index, 'respond', 'body'],
      text: mapOf(mapOf(page).respond).body,
    })),
  ]
}

function checkCaptures(text: string, scope: TemplateScope, pattern: PathMatch, path: KeyPath, report: Report): void {
  const template = parseTemplate(text, scope)
  if (!template.ok) return
  const known = knownCaptures(pattern)
  for (const name of new Set(capturesIn(template.value))) {
    if (known.includes(name)) continue
    const written = (capture: string) => (scope.captures ? `{${capture}}` : `\${path.${capture}}`)
    const message = `${written(name)} is not in the path of the route`
    const named = known.filter(capture => !/^\d+$/.test(capture))
    report('unknown-capture', path, message, captureHint(name, named, written))
  }
}

/** Of an expression its groups by name, and by number. */
function knownCaptures(pattern: PathMatch): string[] {
  if (pattern.kind !== 'regex') return capturesOf(pattern)
  const numbers = Array.from({ length: groupCount(pattern.regex) + 1 }, (_, number) => String(number))
  return [...groupNames(pattern.regex), ...numbers]
}

function captureHint(name: string, known: readonly string[], written: (capture: string) => string): string {
  const near = nearest(name, known)
  if (near !== null) return `did you mean ${written(near)}?`
  if (known.length > 0) return `there is ${known.map(written).join(', ')}`
  return name === '*' ? 'end match.path with /* to catch the rest' : `write {${name}} into match.path for the segment`
}

/** Places where no values are put in. */
function checkPlainText(route: Section, path: KeyPath, report: Report): void {
  checkPlainResponse(mapOf(route.respond), true, [...path, 'respond'], report)
  checkPlainErrorPages(listOf(route.error_pages), [...path, 'error_pages'], report)
  checkNoValues(mapOf(route.files).cache_control, [...path, 'files', 'cache_control'], report)
}

export function checkPlainErrorPages(pages: readonly unknown[], path: KeyPath, report: Report): void {
  for (const [index, page] of pages.entries()) {
    const respond = [...path, index, 'respond']
    checkPlainResponse(mapOf(mapOf(page).respond), false, respond, report)
  }
}

function checkPlainResponse(respond: Section, withBody: boolean, path: KeyPath, report: Report): void {
  if (withBody) checkNoValues(respond.body, [...path, 'body'], report)
  for (const [name, value] of Object.entries(mapOf(respond.headers))) {
    checkNoValues(value, [...path, 'headers', name], report)
  }
}

/** Text that is sent as it is. */
function checkNoValues(text: unknown, path: KeyPath, report: Report): void {
  if (typeof text === 'string') checkSeeming(seemingValues(text, false), false, path, report)
}

function checkSeeming([first]: readonly SeemingValue[], templates: boolean, path: KeyPath, report: Report): void {
  if (first === undefined) return
  const hint = templates
    ? `did you mean ${first.meant}?`
    : 'values go into "headers", "rewrite", "redirect.to" and the body of error pages'
  report('looks-like-template', path, `${quote(first.written)} is sent as it is written`, hint)
}

function checkReplacement(regex: Section, path: KeyPath, report: Report): void {
  const { match, replace } = regex
  if (typeof match !== 'string' || typeof replace !== 'string') return
  checkReplaced(replace, [...path, 'replace'], report)
  const compiled = regexOf(match)
  if (compiled === null) return
  const [missing] = compiled.missingGroups(replace)
  if (missing === undefined) return
  const names = groupNames(match)
  const near = nearest(missing, names)
  const written = /^\d+$/.test(missing) ? `$${missing}` : `$<${missing}>`
  const hint =
    near === null ? 'a group is written (...) or (?P<name>...); $$ is a dollar sign' : `did you mean $<${near}>?`
  report('unknown-capture', [...path, 'replace'], `${written} is no group of "match"`, hint)
}

/** What would go upstream encoded, as a part of the path, where something else was meant. */
function checkReplaced(replace: string, path: KeyPath, report: Report): void {
  const wrong = /[?#]|[^\x21-\x7e]/.exec(replace)?.[0]
  if (wrong === '?' || wrong === '#') {
    const message = `${quote(replace)} has ${wrong === '?' ? 'a query' : 'a fragment'}; a path ends before ${quote(wrong)}`
    report('wrong-path', path, message, wrong === '?' ? 'rewrite.query changes the query' : '')
  } else if (wrong !== undefined) {
    const hint = replace.isWellFormed() ? `write ${quote(encodeURI(replace))}` : ''
    report('wrong-path', path, `${quote(replace)} has ${quote(wrong)}, which must be percent-encoded`, hint)
  }
  const named = /(?<!\$)\$\{(\w+)\}|\\([0-9])/.exec(replace)
  if (named === null) return
  const meant = named[2] === undefined ? `$<${named[1]}>` : `$${named[2]}`
  const hint = `a group is ${meant}; values of the request go into rewrite.path`
  report('looks-like-template', path, `${quote(named[0])} is sent as it is written`, hint)
}
