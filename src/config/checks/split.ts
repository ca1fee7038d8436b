import type { KeyPath } from '../positions.ts'
import { checkConditions } from './conditions.ts'
import type { KnownNames } from './names.ts'
import { isMap, listOf, mapOf, type Report, type Section } from './written.ts'

/** Targets that exist and can be reached, and weights that say where a request goes that no condition takes. */
export function checkSplit(route: Section, upstreamNames: KnownNames, path: KeyPath, report: Report): void {
  if (route.split_on !== undefined && route.split === undefined) {
    report('no-effect', [...path, 'split_on'], 'has no effect without "split"', 'give the route a "split"')
  }
  if (!Array.isArray(route.split) || route.split.length === 0) return
  const targets = listOf(route.split).map(mapOf)
  const place = [...path, 'split']
  for (const [index, { upstream, when }] of targets.entries()) {
    upstreamNames.check(upstream, [...place, index, 'upstream'], report)
    if (isMap(when)) checkWhen(when, [...place, index, 'when'], report)
  }
  checkWeights(targets, place, report)
  checkConditionsOnce(targets, place, report)
  const weighted = targets.filter(target => weightOf(target) !== 0)
  if (route.split_on !== undefined && weighted.length < 2) {
    const hint = 'give another target a weight, or leave it out'
    const message = 'has nothing to decide: fewer than two targets have a weight'
    report('split-on-unused', [...path, 'split_on'], message, hint)
  }
}

function checkWhen(when: Section, path: KeyPath, report: Report): void {
  if (Object.keys(when).length === 0) {
    const hint = 'give it one, such as headers: { x-canary: "1" }, or leave "when" out'
    report('empty-condition', path, 'has no condition in it', hint)
  }
  checkConditions(when, path, report)
}

/** 1, or 0 beside a condition, where it is not written. */
function weightOf({ weight, when }: Section): unknown {
  return weight ?? (when === undefined ? 1 : 0)
}

function checkWeights(targets: readonly Section[], path: KeyPath, report: Report): void {
  if (targets.every(target => weightOf(target) === 0)) {
    const hint = 'give the target that takes all others a weight'
    report(
      'split-without-weight',
      path,
      'no target has a weight: a request that no "when" takes has nowhere to go',
      hint,
    )
    return
  }
  for (const [index, { weight, when }] of targets.entries()) {
    if (weight !== 0 || when !== undefined) continue
    const hint = 'give it a weight or a "when", or take it out'
    report(
      'split-target-unused',
      [...path, index, 'weight'],
      'no request goes here: the weight is 0, and there is no "when"',
      hint,
    )
  }
}

function checkConditionsOnce(targets: readonly Section[], path: KeyPath, report: Report): void {
  const seen = new Map<string, number>()
  for (const [index, { when }] of targets.entries()) {
    if (!isMap(when) || Object.keys(when).length === 0) continue
    const text = canonicalText(when)
    const earlier = seen.get(text)
    if (earlier === undefined) {
      seen.set(text, index)
      continue
    }
    const message = `never holds first: the target ${earlier} has the same condition`
    report('split-when-shadowed', [...path, index, 'when'], message, 'change one of the two', [
      ...path,
      earlier,
      'when',
    ])
  }
}

/** The same text for maps that say the same in another order. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`
  if (!isMap(value)) return JSON.stringify(value) ?? ''
  const entries = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalText(item)}`).join()}}`
}
