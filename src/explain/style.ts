/** How parts of a text are set off; plain where nobody sees colours. */
export interface Style {
  strong(text: string): string
  faint(text: string): string
  good(text: string): string
  bad(text: string): string
}

const asIs = (text: string): string => text

export const PLAIN_STYLE: Style = { strong: asIs, faint: asIs, good: asIs, bad: asIs }
