import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Results } from '../frame/results.ts'
import { renderBarPlot } from './bar-plot.ts'
import { renderLatencyPlot } from './latency-plot.ts'
import { renderMarkdown } from './markdown.ts'
import { renderOverviewPlot } from './overview-plot.ts'

/** Writes report.md and its plots into the folder. */
export function writeReport(folder: string, results: Results): void {
  mkdirSync(folder, { recursive: true })
  const plots = new Map<string, string[]>()
  const write = (scenario: string, name: string, plot: string | null) => {
    if (plot === null) return
    writeFileSync(join(folder, name), plot)
    plots.set(scenario, [...(plots.get(scenario) ?? []), name])
  }
  write('', 'overview.svg', renderOverviewPlot(results))
  for (const scenario of results.scenarios) {
    write(scenario.name, `${scenario.name}-figure.svg`, renderBarPlot(scenario))
    write(scenario.name, `${scenario.name}-latency.svg`, renderLatencyPlot(scenario))
  }
  writeFileSync(join(folder, 'report.md'), renderMarkdown(results, plots))
}
