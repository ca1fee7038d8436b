/** Text of the wire has one character per byte; what people write there is mostly UTF-8. */
import type { Explanation } from './explanation.ts'

const decoder = new TextDecoder('utf-8', { fatal: true })

export function inReadableText(explanation: Explanation): Explanation {
  const text = JSON.stringify(explanation)
  if (!/[\u0080-\u00ff]/.test(text)) return explanation
  return JSON.parse(text, (_key, value) => (typeof value === 'string' ? readable(value) : value)) as Explanation
}

/** As it is where it is no UTF-8, or is no text of the wire at all. */
function readable(text: string): string {
  if (!/^[\u0000-\u00ff]*[\u0080-\u00ff][\u0000-\u00ff]*$/.test(text)) return text
  try {
    return decoder.decode(Buffer.from(text, 'latin1'))
  } catch {
    return text
  }
}
