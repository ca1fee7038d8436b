/**
 * Resolves with the first truthy result of `condition`, asked again after every turn of the event loop.
 * Rejects when `deadlineMs` have passed; `what` then says what never came true.
 */
export async function waitFor<T>(
  condition: () => T | null | undefined | false,
  what: string | (() => string) = 'the condition',
  deadlineMs = 5_000,
): Promise<T> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const result = condition()
    if (result) return result
    if (performance.now() > end) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise(resolve => setImmediate(resolve))
  }
}
