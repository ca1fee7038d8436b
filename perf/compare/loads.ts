/** The load scenarios of two trees by turns: the CPU time of a request. */

import { moveSelfTo, splitCores } from '../../native-bench/frame/cores.ts'
import { PerfFailure } from '../failure.ts'
import { measureLoad } from '../load/measure.ts'
import { SCENARIO_NAMES, SCENARIOS } from '../load/scenarios.ts'
import { entryOf } from '../tree.ts'
import type { CompareOptions, CompareReport } from './command.ts'
import { orderOf, type RawRow, type Side } from './rounds.ts'

const CONNECTIONS = 64

export async function compareLoads(
  trees: Readonly<Record<Side, string>>,
  { filter, rounds, seconds, tell }: CompareOptions,
): Promise<Omit<CompareReport, 'commit'>> {
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(filter))
  if (scenarios.length === 0) {
    throw new PerfFailure(`no scenario has "${filter}" in its name: ${SCENARIO_NAMES.join(', ')}`)
  }
  const cores = splitCores()
  const core = cores.proxy
  moveSelfTo(cores.others)
  const rows: RawRow[] = []
  for (let round = 0; round < rounds; round += 1) {
    for (const scenario of scenarios) {
      for (const side of orderOf(round)) {
        const entry = entryOf(trees[side], 'sources')
        const { userUs, systemUs } = await measureLoad({ scenario, entry, core, connections: CONNECTIONS, seconds })
        const name = `load/${scenario.name}: CPU time of a request`
        rows.push({ round, side, name, nanoseconds: (userUs + systemUs) * 1000 })
      }
    }
    tell(`round ${round + 1} of ${rounds}`)
  }
  return { rows, leftOut: [] }
}
