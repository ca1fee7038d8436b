/** The report as a page: machine, peers, what came of it at a glance, and a table for each scenario. */

import { BUSY_PERCENT_MAX } from '../frame/machine.ts'
import { numberText, quantityText } from '../frame/numbers.ts'
import { describeDuration } from '../frame/progress.ts'
import type { Measure, Results, Row, ScenarioResult } from '../frame/results.ts'
import type { Spread } from '../frame/statistics.ts'
import { bestNode, columnsOf, headlineOf, ratiosOf, spreadIn } from './figures.ts'

/** `plots` are the file names of the plots of a scenario, to be shown below its table. */
export function renderMarkdown(results: Results, plots: ReadonlyMap<string, readonly string[]>): string {
  const overview = plots.get('') ?? []
  return `${[
    '# Sluice beside other proxies',
    about(results),
    ...overview.map(picture),
    glance(results),
    ...results.scenarios.map(scenario => section(scenario, plots.get(scenario.name) ?? [])),
    peersTable(results),
    READING,
  ].join('\n\n')}\n`
}

const READING = `## How to read this

Figures are medians over the rounds; behind a median in brackets stand the lowest and the highest round. A ratio is the
median of the ratios of each round, so that what a noisy minute does to all goes out of it: below 1 is better where less
is better. CPU is what the system has accounted to the proxy's processes, divided by the work that was done. Latency is
taken at a fixed rate below saturation, from the moment a request was due: one that waited for its turn waited for the
proxy. "direct" is the same load without any proxy: the floor of the method. Raw rows are in results.json.`

function about(results: Results): string {
  const {
    date,
    durationSeconds,
    arguments: args,
    rounds,
    seconds,
    machine,
    revision,
    tools,
    busyPercentBefore,
  } = results
  const commit = revision === null ? 'unknown' : `${revision.commit}${revision.isDirty ? ' with changes' : ''}`
  const memory = `${numberText(machine.memoryMib / 1024)} GiB`
  const toolList = Object.entries(tools).map(([name, version]) => `${name} ${version}`)
  return [
    `- ${date}, ${describeDuration(durationSeconds)}; ${rounds} rounds of ${seconds} s`,
    `- ${machine.cpu}, ${machine.cores} cores, ${memory}, ${machine.kernel}, Node ${machine.node}`,
    ...(busyPercentBefore > BUSY_PERCENT_MAX
      ? [`- the machine was ${busyPercentBefore} % busy with something else before the run: its figures are noisy`]
      : []),
    `- commit ${commit}; ${toolList.join(', ')}`,
    `- \`npm run bench:native${args.length === 0 ? '' : ` -- ${args.join(' ')}`}\``,
  ].join('\n')
}

/** Sluice in every scenario, with what it is compared to. */
function glance({ scenarios }: Results): string {
  const lines = scenarios.flatMap(scenario =>
    scenario.rows
      .filter(({ kind }) => kind === 'sluice')
      .map(row => {
        const { key, title, unit } = headlineOf(scenario)
        const { toYardstick, toBestNode } = ratiosOf(scenario, row)
        const name = row.variant === '' ? scenario.title : `${scenario.title}; ${row.variant}`
        const figure = row.failed === null ? figureText(spreadIn(row, key), unit) : 'failed'
        const best = bestNode(scenario, row.variant)
        const node = toBestNode === null || best === null ? '–' : `${ratioText(toBestNode)} (${best.contestant})`
        return [`[${name}](#${scenario.name})`, title, figure, spreadText(toYardstick), node]
      }),
  )
  return `## At a glance\n\n${table(['scenario', 'figure', 'Sluice', '× nginx', '× best Node peer'], lines)}`
}

function section(scenario: ScenarioResult, plots: readonly string[]): string {
  const { name, title, summary, rows, notes } = scenario
  const parts = [`<a id="${name}"></a>\n\n## ${title}`, `\`${name}\`: ${summary}`]
  if (rows.length > 0) parts.push(scenarioTable(scenario))
  const rowNotes = rows.flatMap(row => row.notes.map(note => `${row.contestant}: ${note}`))
  const all = [...notes, ...rowNotes]
  if (all.length > 0) parts.push(all.map(note => `- ${note}`).join('\n'))
  parts.push(...plots.map(picture))
  return parts.join('\n\n')
}

function scenarioTable(scenario: ScenarioResult): string {
  const headline = headlineOf(scenario)
  const ratios = scenario.rows.map(row => ratiosOf(scenario, row))
  // Columns that nobody has a value for are left out: without a Node peer there is no ratio to the best one.
  const columns = columnsOf(scenario).filter(({ key }) => scenario.rows.some(row => spreadIn(row, key) !== null))
  const ratioColumns = RATIO_COLUMNS.filter(({ key }) => ratios.some(ratio => ratio[key] !== null))
  const titles = ['', ...columns.map(columnTitle), ...ratioColumns.map(({ title }) => title)]
  const lines = scenario.rows.map((row, index) => {
    const label = row.kind === 'sluice' ? `**${row.contestant}**` : row.contestant
    if (row.failed !== null) return [label, `failed: ${row.failed}`]
    const cells = columns.map(column => cell(row, column, column === headline))
    return [label, ...cells, ...ratioColumns.map(({ key }) => spreadText(ratios[index]?.[key] ?? null))]
  })
  return table(titles, lines)
}

const RATIO_COLUMNS = [
  { key: 'toYardstick', title: '× nginx' },
  { key: 'toBestNode', title: '× best Node peer' },
  { key: 'toPlain', title: '× itself, plain' },
] as const

function columnTitle({ title, unit, parts }: Measure): string {
  // "requests per second" says its unit itself.
  const full = unit.startsWith('/') ? title : `${title}, ${unit}`
  return parts === undefined ? full : `${full} (user + system)`
}

/** The headline with its rounds' spread and its parts, the others as medians. */
function cell(row: Row, { key, parts = [] }: Measure, isHeadline: boolean): string {
  const spread = spreadIn(row, key)
  if (spread === null) return '–'
  const medians = parts.map(part => numberText(spreadIn(row, part)?.median ?? Number.NaN))
  const sum = medians.length === 0 ? '' : ` (${medians.join(' + ')})`
  return isHeadline ? `${spreadText(spread)}${sum}` : `${numberText(spread.median)}${sum}`
}

function figureText(spread: Spread | null, unit: string): string {
  return spread === null ? '–' : quantityText(spread.median, unit)
}

function ratioText({ median }: Spread): string {
  return median.toFixed(2)
}

/** `1.05 [1.01 – 1.12]`, or the value alone where there was one round. */
function spreadText(spread: Spread | null): string {
  if (spread === null) return '–'
  const { median, minimum, maximum, count } = spread
  if (count === 1) return numberText(median)
  return `${numberText(median)} [${numberText(minimum)} – ${numberText(maximum)}]`
}

function peersTable({ peers }: Results): string {
  const lines = peers.map(({ name, version, absent }) => [name, version ?? `absent: ${absent}`])
  return `## Peers\n\n${table(['peer', 'version'], lines)}`
}

/** The first column is text, the others are figures. A line that is short of cells is filled up. */
export function table(titles: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = titles.map((_, index) => (index === 0 ? ':--' : '--:'))
  const cells = lines.map(line => titles.map((_, index) => escapeCell(line[index] ?? '')))
  return [titles, rule, ...cells].map(line => `| ${line.join(' | ')} |`).join('\n')
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')
}

function picture(file: string): string {
  return `![${file.replace(/\.svg$/, '').replaceAll('-', ' ')}](${file})`
}
