/** What is wrong with a request that somebody has described; a sentence. */
export class RequestSpecError extends Error {
  override readonly name = 'RequestSpecError'
}
