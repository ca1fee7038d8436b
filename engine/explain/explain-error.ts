/** What is asked cannot be answered: there is no such listener. */
export class ExplainError extends Error {
  override readonly name = 'ExplainError'
}
