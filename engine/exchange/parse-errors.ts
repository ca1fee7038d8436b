import {
  HEAD_TOO_LARGE,
  TARGET_TOO_LONG,
  TRAILERS_TOO_LARGE,
  UNKNOWN_METHOD,
  UNKNOWN_VERSION,
} from '../http1/message-parser.ts'
import type { ErrorCode } from './errors.ts'

const PARSE_ERRORS: Readonly<Record<number, ErrorCode>> = {
  [TARGET_TOO_LONG]: 'request_target_too_long',
  [HEAD_TOO_LARGE]: 'request_head_too_large',
  [UNKNOWN_METHOD]: 'request_method_unknown',
  [UNKNOWN_VERSION]: 'request_version',
  [TRAILERS_TOO_LARGE]: 'request_trailers_too_large',
}

/** What the parser's refusal of a request is called; `isContent` says that its head was fine. */
export function parseErrorOf(error: number, isContent: boolean): ErrorCode {
  return PARSE_ERRORS[error] ?? (isContent ? 'request_content_malformed' : 'request_malformed')
}
