/** A name's bytes to its number. */
import { identifyField } from '../../../engine/http/field-names.ts'
import { bench, cycle, runIfMain } from '../harness.ts'
import { BROWSER_REQUESTS, PROXIED_REQUESTS, parseAll } from '../messages.ts'

function identifyAll(name: string, texts: readonly string[]): void {
  const next = cycle(parseAll(texts))
  bench(name, () => {
    const { head } = next()
    const { bytes, base, fieldCount } = head
    let sum = 0
    for (let index = 0; index < fieldCount; index += 1) {
      sum += identifyField(bytes, base + head.nameStart(index), base + head.nameEnd(index))
    }
    return sum
  })
}

identifyAll('the 15 names of a browser request', BROWSER_REQUESTS)
identifyAll('the 8 names of a proxied request', PROXIED_REQUESTS)

await runIfMain(import.meta)
