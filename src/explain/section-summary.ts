/** What a part of a configuration is, in a few words: for one that is new, or gone. */
import type { Model } from './diff-side.ts'
import { written } from './written-value.ts'

export function summaryOf(path: string, value: unknown): string {
  const summary = SUMMARIES.find(([pattern]) => pattern.test(path))?.[1]
  return summary === undefined || !isMap(value) ? written(value) : summary(value)
}

const SUMMARIES: readonly (readonly [RegExp, (section: Model) => string])[] = [
  [/^routes\[.*\]$/, summaryOfRoute],
  [/^upstreams\.[^.]+$/, summaryOfUpstream],
  [/^upstreams\..*\.endpoints\[.*\]$/, ({ weight }) => `weight ${written(weight)}`],
  [/^listeners\.[^.]+$/, summaryOfListener],
]

/** E.g. `:443`, or `:5432, tcp to upstream pg`. */
function summaryOfListener({ address, protocol, upstream }: Model): string {
  if (protocol !== 'tcp' && protocol !== 'udp') return written(address)
  return `${written(address)}, ${protocol}${typeof upstream === 'string' ? ` to upstream ${upstream}` : ''}`
}

/** E.g. `api.example.com /v1/* to upstream api`. */
function summaryOfRoute(route: Model): string {
  const match = isMap(route.match) ? route.match : {}
  const { host, path = '/*', ...others } = match
  const conditions = Object.entries(others).filter(([, value]) => !isEmpty(value))
  const more = conditions.length === 0 ? '' : ` where ${written(Object.fromEntries(conditions))}`
  return `${listOf(host, ' ')}${written(path)}${more} ${actionOf(route)}`
}

function actionOf({ upstream, split, respond, redirect, files }: Model): string {
  if (typeof upstream === 'string') return `to upstream ${upstream}`
  if (Array.isArray(split)) {
    const targets = (split as Model[]).map(({ upstream: name, weight }) => `${name} (${weight})`)
    return `to upstreams ${targets.join(', ')}`
  }
  if (isMap(respond)) return `answered with ${respond.status}`
  if (isMap(redirect)) return `redirected to ${written(redirect.to)}`
  return isMap(files) ? `to files of ${written(files.root)}` : ''
}

function summaryOfUpstream({ endpoints }: Model): string {
  const list = Array.isArray(endpoints) ? (endpoints as Model[]) : []
  return list.map(({ address, srv }) => written(address ?? srv)).join(', ')
}

/** With `end` behind it where there is something. */
function listOf(value: unknown, end: string): string {
  if (isEmpty(value)) return ''
  return `${(Array.isArray(value) ? value : [value]).map(written).join(', ')}${end}`
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

function isMap(value: unknown): value is Model {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
