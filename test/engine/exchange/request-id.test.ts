import { expect, it } from 'vitest'
import { RequestIds } from '../../../engine/exchange/request-id.ts'

it('request ids are 32 hexadecimal digits, and no two of them are alike, whichever worker made them', () => {
  const workers = Array.from({ length: 4 }, () => new RequestIds())
  const ids = workers.flatMap(worker => Array.from({ length: 5_000 }, () => worker.next()))
  expect(ids.filter(id => !/^[0-9a-f]{32}$/.test(id))).toEqual([])
  expect(new Set(ids).size).toBe(ids.length)
})
