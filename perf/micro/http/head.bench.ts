/** The span table by itself: filled as the parser does, read as facts and writer do. */
import { Head } from '../../../engine/http/head.ts'
import { memory } from '../../../engine/http1/llhttp.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BROWSER_REQUESTS, parseAll } from '../messages.ts'

const FIELDS = 15

/** Positions of names and values, from heads that were parsed. */
const tables = parseAll(BROWSER_REQUESTS).map(({ head }) =>
  Array.from({ length: FIELDS }, (_, index) => [
    head.nameStart(index),
    head.nameEnd(index),
    head.valueStart(index),
    head.valueEnd(index),
  ]).flat(),
)
const nextTable = cycle(tables)
const filled = new Head(memory)

bench('15 field lines added', () => {
  const table = nextTable()
  filled.clear()
  for (let at = 0; at < table.length; at += 4) {
    filled.addName(table[at] as number, table[at + 1] as number)
    filled.setValue(table[at + 2] as number, table[at + 3] as number)
  }
  return filled.fieldCount
})

const nextHead = cycle(parseAll(BROWSER_REQUESTS))

bench('15 field lines walked over', () => {
  const { head } = nextHead()
  let sum = 0
  for (let index = 0; index < head.fieldCount; index += 1) {
    sum += head.nameEnd(index) - head.nameStart(index) + head.valueEnd(index) - head.lineEnd(index)
  }
  return sum
})

bench('a value as a string', () => nextHead().head.value(5))

await runIfMain(import.meta)
