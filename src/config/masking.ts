/** Takes secrets out of what is shown. */

/** What stands in the place of a secret. */
export const MASK = '***'

/** Secrets shorter than this are masked where they stand, but not looked for in texts about something else. */
export const SEARCHED_LENGTH_MIN = 4

/** `text` without them, however they are quoted or cut short there. */
export function scrubbed(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap(secret => [secret, JSON.stringify(secret).slice(1, -1), JSON.stringify(secret.slice(0, 57)).slice(1, -1)])
    .reduce((left, secret) => left.replaceAll(secret, MASK), text)
}

/** Plain data, with every text in it scrubbed. */
export function withoutSecrets<T>(value: T, secrets: readonly string[]): T {
  return secrets.length === 0 ? value : (scrubbedIn(value, secrets) as T)
}

function scrubbedIn(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return scrubbed(value, secrets)
  if (Array.isArray(value)) return value.map(item => scrubbedIn(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, scrubbedIn(item, secrets)]))
}
