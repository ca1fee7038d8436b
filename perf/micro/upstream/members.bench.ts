/** Members whose health is looked at again: with every change of one of them. */
import { bench, runIfMain } from '../harness.ts'
import { membersOf } from './balancers/balanced.ts'

for (const count of [10, 1000]) {
  const members = membersOf(count)
  const available = new Uint8Array(count).fill(1)
  const effective = Float64Array.from(members.weights)
  const name = `${count.toLocaleString('en')} members`
  bench(`${name}, nothing has changed`, () => members.update(available, effective))
  let at = 0
  bench(`${name}, one goes or comes`, () => {
    available[at] = 1 - (available[at] as number)
    at = (at + 1) % count
    return members.update(available, effective)
  })
}

await runIfMain(import.meta)
