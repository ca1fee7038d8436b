/** What `sluice diff` prints for people. */
import type { ModelChange } from '../explain/model-diff.ts'
import { printableTexts } from '../explain/printable.ts'
import type { SampleDiff, SampleExample } from '../explain/sample-diff.ts'
import type { Colour, Paint } from './colours.ts'
import type { Difference } from './diff.ts'

const SIGNS: Readonly<Record<ModelChange['kind'], readonly [Colour, string]>> = {
  added: ['green', '+'],
  removed: ['red', '-'],
  changed: ['yellow', '~'],
  renamed: ['cyan', '='],
  moved: ['cyan', '>'],
}

/** Lines without a line end at the last. Nothing in it moves a cursor. */
export function differenceText(difference: Difference, paint: Paint): string {
  const { changes, requests } = printableTexts(difference)
  const lines = changes.length === 0 ? ['no difference in meaning'] : changes.map(change => changeLine(change, paint))
  return [...lines, ...(requests === null ? [] : ['', ...requestLines(requests, paint)])].join('\n')
}

function changeLine(change: ModelChange, paint: Paint): string {
  const { kind, path } = change
  const [colour, sign] = SIGNS[kind]
  const values = valuesOf(change)
  return `${paint(colour, `${sign} ${path}`)}${values === '' ? '' : `  ${values}`}`
}

function valuesOf({ kind, before, after }: ModelChange): string {
  if (kind === 'renamed') return `is ${after} now`
  if (kind === 'moved') return `stood ${before}, stands ${after}`
  if (before === '(secret)') return 'changed (secret)'
  return [before, after].filter(text => text !== '').join(' → ')
}

function requestLines(requests: SampleDiff, paint: Paint): string[] {
  const { total, changed, changes, wrong, wrongLines } = requests
  const [first] = wrongLines
  return [
    paint('bold', `${changed} of ${total} requests go elsewhere`),
    ...changes.flatMap(({ before, after, count, examples }) => [
      `${paint('yellow', String(count))}  ${before}  ⇒  ${after}`,
      ...examples.map(example => `     ${paint('dim', exampleText(example))}`),
    ]),
    ...(first === undefined
      ? []
      : [`${wrong} lines were no requests; the first is line ${first.line}: ${first.reason}`]),
  ]
}

function exampleText({ request, before, after }: SampleExample): string {
  if (before === after) return request
  return `${request}: ${before || 'nothing'} → ${after || 'nothing'}`
}
