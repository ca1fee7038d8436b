/** What an exchange knows of the call of gRPC that it is. */
import { GRPC, type GrpcKind, grpcKindOf, NOT_GRPC } from '../../http/grpc-kind.ts'
import type { Head } from '../../http/head.ts'
import { METHOD_POST } from '../../http/request-facts.ts'
import { fieldValue } from '../../routing/field.ts'
import type { RoutedRequest } from '../../routing/request.ts'
import { type Outcome, outcomeOfStatus } from '../../upstream/health/outcome.ts'
import { contentTypeOf } from './content-type.ts'
import { NO_STATUS, outcomeOfCall, readStatus } from './status.ts'
import { NO_TIMEOUT, readTimeout } from './timeout.ts'

const STATUS_OK = 200

export class GrpcCall {
  readonly kind: GrpcKind
  /** Of the request's content, without parameters: an answer is of the same. */
  readonly contentType: string
  /** Milliseconds that the client gives all of it; `NO_TIMEOUT` where it does not say. */
  readonly timeoutMs: number
  /** Of its response; `NO_STATUS` as long as none has come. */
  status = NO_STATUS

  constructor(kind: GrpcKind, contentType: string, timeoutMs: number) {
    this.kind = kind
    this.contentType = contentType
    this.timeoutMs = timeoutMs
  }

  get isWeb(): boolean {
    return this.kind !== GRPC
  }

  /** The head of a response: one without messages has the status there. */
  readHead(head: Head): void {
    const value = fieldValue(head, 'grpc-status')
    this.status = value === null ? NO_STATUS : readStatus(value)
  }

  /** Its trailer section: name, value, name, value ... */
  readTrailers(trailers: readonly string[] | null): void {
    if (trailers === null) return
    for (let index = 0; index + 1 < trailers.length; index += 2) {
      if ((trailers[index] as string).toLowerCase() === 'grpc-status')
        this.status = readStatus(trailers[index + 1] as string)
    }
  }

  /** What the endpoint's health learns from a response of this status of HTTP, once it is whole. */
  outcome(httpStatus: number): Outcome {
    if (httpStatus !== STATUS_OK) return outcomeOfStatus(httpStatus)
    return outcomeOfCall(this.status, this.timeoutMs !== NO_TIMEOUT)
  }
}

/** `null` for a request that is no call. @hotpath */
export function callOf({ head, facts }: RoutedRequest): GrpcCall | null {
  if (facts.method !== METHOD_POST) return null
  const contentType = contentTypeOf(head)
  const kind = grpcKindOf(contentType)
  if (kind === NOT_GRPC) return null
  const timeout = fieldValue(head, 'grpc-timeout')
  return new GrpcCall(kind, contentType, timeout === null ? NO_TIMEOUT : readTimeout(timeout))
}
