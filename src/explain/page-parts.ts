/** What pages of explanations are put together from. */
import type { ExplainedEndpoint } from '../../engine/explain/explanation.ts'
import type { Style } from './style.ts'

const TITLE_WIDTH = 10
const INDENT = ' '.repeat(TITLE_WIDTH)

export function row(title: string, text: string): string {
  return `${title.padEnd(TITLE_WIDTH)}${text}`
}

/** The first line has the title. */
export function rows(title: string, texts: readonly string[]): string[] {
  return texts.map((text, index) => row(index === 0 ? title : '', text))
}

export function endpointLine(
  { name, state, weight, requests, chosen }: ExplainedEndpoint,
  width: number,
  { good, bad }: Pick<Style, 'good' | 'bad'>,
): string {
  const mark = chosen ? good('→') : ' '
  const text = state === 'up' ? state : bad(state)
  return `${INDENT}${mark} ${name.padEnd(width)}  ${text}, weight ${weight}, ${requests} under way`
}
