/** What the statuses of calls that a client may try again are called in a configuration. */
export const STATUS_NUMBERS: ReadonlyMap<string, number> = new Map([
  ['cancelled', 1],
  ['unknown', 2],
  ['deadline_exceeded', 4],
  ['resource_exhausted', 8],
  ['aborted', 10],
  ['internal', 13],
  ['unavailable', 14],
  ['data_loss', 15],
])
