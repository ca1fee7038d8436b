import { describe, expect, it } from 'vitest'
import { CONNECTIONS_USED, ENDPOINT_CELLS } from '../../../engine/shared/endpoint-cells.ts'
import { StatePage } from '../../../engine/shared/state-page.ts'
import { Permits } from '../../../engine/upstream/permits.ts'

const COLUMN = 1

function open(max: number) {
  const page = StatePage.create(2, 2, 1)
  const [one, other] = page.rows.map(row => new Permits(page, row, COLUMN, max)) as [Permits, Permits]
  const used = () => page.endpointCells[COLUMN * ENDPOINT_CELLS + CONNECTIONS_USED]
  const held = () => page.rows.map(({ connections }) => connections[COLUMN])
  return { page, one, other, used, held }
}

describe('permits', () => {
  it('are no more than there are, over all workers', () => {
    const { one, other, used, held } = open(3)
    expect([one.take(), other.take(), one.take(), other.take(), one.take()]).toEqual([true, true, true, false, false])
    expect([used(), held()]).toEqual([3, [2, 1]])
    expect([one.isFull, other.isFull]).toEqual([true, true])
    other.giveBack()
    expect([one.isFull, used(), held()]).toEqual([false, 2, [2, 0]])
    expect([one.take(), one.take()]).toEqual([true, false])
  })

  it('are without end where there is no limit', () => {
    const { one, used } = open(0)
    for (let taken = 0; taken < 100; taken += 1) expect(one.take()).toBe(true)
    expect([one.isFull, used()]).toEqual([false, 100])
  })

  it("of a worker that has died are free again, and the others' are not", () => {
    const { page, one, other, used, held } = open(3)
    one.take()
    one.take()
    other.take()
    page.clearPresent(page.rows[0]!)
    expect([used(), held()]).toEqual([1, [0, 1]])
    expect([other.take(), other.take(), other.take()]).toEqual([true, true, false])
  })

  it('follow a limit that is lowered or raised', () => {
    const { one } = open(2)
    one.take()
    one.take()
    one.max = 3
    expect(one.take()).toBe(true)
    one.max = 1
    one.giveBack()
    expect([one.isFull, one.take()]).toEqual([true, false])
  })
})
