import type { Style } from '../explain/style.ts'
import type { Paint } from './colours.ts'

/** How the parts of an explanation are set off. */
export function styleOf(paint: Paint): Style {
  return {
    strong: text => paint('bold', text),
    faint: text => paint('dim', text),
    good: text => paint('green', text),
    bad: text => paint('red', text),
  }
}
