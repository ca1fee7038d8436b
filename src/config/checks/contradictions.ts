import type { Condition, RouteMatch, TextTest } from '../../../engine/snapshot.ts'

/** Conditions of a route that no request can fulfil at once. Finds what is plain to see; what it does not find may still be so. */

/** What contradicts each other, for people; `null` where nothing does. */
export function contradictionIn(match: RouteMatch): string | null {
  const conditions = match.conditions.flatMap(flattened)
  const byName = new Map<string, TextTest[]>()
  const methods: (readonly string[])[] = []
  for (const condition of conditions) {
    if (condition.kind === 'method') methods.push(condition.methods)
    if (condition.kind !== 'header' && condition.kind !== 'query' && condition.kind !== 'cookie') continue
    const key = `the ${NOUNS[condition.kind]} "${condition.name}"`
    const tests = byName.get(key)
    if (tests === undefined) byName.set(key, [condition.test])
    else tests.push(condition.test)
  }
  for (const [key, tests] of byName) {
    const problem = contradictionOf(tests, key.startsWith('the header'))
    if (problem !== null) return `${key} ${problem}`
  }
  const [first, ...others] = methods
  if (first !== undefined && !first.some(method => others.every(other => other.includes(method)))) {
    return 'no method is in all of the lists'
  }
  return negated(conditions)
}

const NOUNS = { header: 'header', query: 'query field', cookie: 'cookie' } as const

/** What must hold, each by itself. */
function flattened(condition: Condition): Condition[] {
  return condition.kind === 'all' ? condition.conditions.flatMap(flattened) : [condition]
}

/** Of query fields and cookies there may be several, so that two texts need not contradict each other. */
function contradictionOf(tests: readonly TextTest[], single: boolean): string | null {
  const isAbsent = tests.some(test => test.kind === 'absent')
  if (isAbsent && tests.some(test => test.kind !== 'absent')) return 'must be there, and must not be'
  const exact = new Set(tests.flatMap(test => (test.kind === 'exact' ? [test.text] : [])))
  return single && exact.size > 1 ? 'must have two values at once' : null
}

function negated(conditions: readonly Condition[]): string | null {
  const demanded = new Set(conditions.map(condition => JSON.stringify(condition)))
  const isDemanded = (excluded: readonly Condition[]) =>
    excluded.length > 0 && excluded.every(condition => demanded.has(JSON.stringify(condition)))
  const both = conditions.some(one => one.kind === 'not' && isDemanded(flattened(one.condition)))
  return both ? 'what "not" excludes is demanded beside it' : null
}
