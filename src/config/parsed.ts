/** The outcome of reading one scalar of the language: its value, or why there is none. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string; readonly hint: string }

export function accepted<Value>(value: Value): Parsed<Value> {
  return { ok: true, value }
}

export function refused(message: string, hint = ''): Parsed<never> {
  return { ok: false, message, hint }
}

/** Text of the configuration in a message: quoted, escaped, and short enough to stay on the line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text)
}
