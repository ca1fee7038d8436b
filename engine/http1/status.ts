import { STATUS_CODES } from 'node:http'

/** `404 Not Found`, for a status line or a plain answer. */
export function statusText(status: number): string {
  const reason = STATUS_CODES[status]
  return reason === undefined ? `${status} ` : `${status} ${reason}`
}
