/** What each request costs the budget for retries. */
import { RETRY_TOKENS, RETRY_TRICKLE_AT, UPSTREAM_CELLS } from '../../../engine/shared/upstream-cells.ts'
import { Budget } from '../../../engine/upstream/budget.ts'
import { bench, runIfMain } from '../harness.ts'

function budget(): Budget {
  const cells = new Int32Array(new SharedArrayBuffer(UPSTREAM_CELLS * 4))
  const opened = new Budget(cells, RETRY_TOKENS, RETRY_TRICKLE_AT, 0.2)
  opened.fill()
  return opened
}

const full = budget()
bench('a request, nothing to be filled up', () => full.deposit(64))

const spent = budget()
bench('five requests and a retry', () => {
  for (let request = 0; request < 5; request += 1) spent.deposit(1_000_000)
  return spent.withdraw(1)
})

await runIfMain(import.meta)
