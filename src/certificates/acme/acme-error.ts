/** A certificate was not issued. The message is for people: what the authority says, where it says something. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError'
  /** Milliseconds that the authority asks to wait; 0 where it does not say. */
  readonly retryAfterMs: number

  constructor(message: string, retryAfterMs = 0, options?: ErrorOptions) {
    super(message, options)
    this.retryAfterMs = retryAfterMs
  }

  static of(error: unknown, retryAfterMs: number): AcmeError {
    const message = error instanceof Error ? error.message : String(error)
    return new AcmeError(message || 'the authority gives no reason', retryAfterMs, { cause: error })
  }
}
