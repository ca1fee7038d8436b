import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Peer } from '../../native-bench/frame/peer.ts'
import type { Results } from '../../native-bench/frame/results.ts'
import { runBench } from '../../native-bench/frame/run.ts'
import { nginx } from '../../native-bench/peers/nginx/peer.ts'
import { SOURCE_MAIN, sluicePeer } from '../../native-bench/peers/sluice/peer.ts'
import { writeReport } from '../../native-bench/report/write.ts'
import { scenarios } from '../../native-bench/scenarios/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ABSENT: Peer = {
  name: 'absent',
  kind: 'native',
  capabilities: new Set(['http1']),
  probe: () => ({ absent: 'not on this machine' }),
  command: () => ({ executable: 'false', args: [] }),
}

/** Answers everything itself, and wrongly. */
const WRONG: Peer = {
  ...ABSENT,
  name: 'wrong',
  kind: 'node',
  probe: () => ({ version: '1.0.0' }),
  command: ({ port }) => {
    const program = `require('node:http').createServer((_, response) => {
      response.statusCode = 500
      response.end('no')
    }).listen(${port}, '127.0.0.1')`
    return { executable: process.execPath, args: ['-e', program] }
  },
}

const BROKEN: Peer = {
  ...WRONG,
  name: 'broken',
  command: () => ({
    executable: process.execPath,
    args: ['-e', 'console.error("no such directive"); process.exit(3)'],
  }),
}

/** Short, since nothing is asserted about speed: only that there are figures, and that they fit together. */
function run(): Promise<{ results: Results; lines: string[] }> {
  const lines: string[] = []
  const peers = [sluicePeer(SOURCE_MAIN), nginx, ABSENT, WRONG, BROKEN]
  const settings = {
    scenarios: ['h1-bare'],
    peers: peers.map(({ name }) => name),
    rounds: 1,
    seconds: 0.2,
    origin: 'nginx',
    out: null,
  } as const
  const input = { settings, args: ['--rounds', '1'], peers, scenarios, write: (line: string) => lines.push(line) }
  return runBench(input).then(results => ({ results, lines }))
}

describe('a run of the bench', () => {
  it('measures Sluice and nginx, and says of the others why they have no figures', async () => {
    const { results, lines } = await run()
    const [scenario] = results.scenarios
    const rowOf = (name: string) => scenario?.rows.find(({ contestant }) => contestant === name)

    for (const name of ['sluice', 'nginx']) {
      const row = rowOf(name)
      expect(row?.failed).toBeNull()
      const values = Object.assign({}, ...(row?.samples ?? []).map(sample => sample.values)) as Record<string, number>
      for (const key of ['cpuUs', 'systemUs', 'perSecond', 'rssIdleMib', 'rssPeakMib', 'p50Us', 'p99Us', 'p999Us']) {
        expect(values[key], `${name} ${key}`).toBeGreaterThan(0)
      }
      expect(values.cpuUs).toBeCloseTo((values.userUs ?? 0) + (values.systemUs ?? 0), 6)
      expect(row?.samples.filter(({ phase }) => phase === 'latency').length).toBe(3)
    }
    expect(rowOf('direct')?.samples.length).toBe(3)

    expect(results.peers.find(({ name }) => name === 'absent')).toMatchObject({ absent: 'not on this machine' })
    expect(rowOf('absent')).toBeUndefined()
    expect(lines.join('\n')).toContain('absent: not on this machine')
    expect(rowOf('wrong')).toMatchObject({ failed: 'status 500 instead of 200 (before the first round)', samples: [] })
    expect(rowOf('broken')?.failed).toBe('it ended with code 3: no such directive (before the first round)')
    expect(results.machine).toMatchObject({ node: process.version, cores: expect.any(Number) })

    await using folder = await temporaryFolder()
    writeReport(folder.path, results)
    expect(readdirSync(folder.path).toSorted()).toEqual([
      'h1-bare-figure.svg',
      'h1-bare-latency.svg',
      'overview.svg',
      'report.md',
    ])
    writeFileSync(folder.file('results.json'), JSON.stringify(results))
    expect(JSON.parse(readFileSync(folder.file('results.json'), 'utf8'))).toEqual(results)
  }, 60_000)
})
