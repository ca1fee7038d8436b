/** Both ways between a client of gRPC-Web and an origin of gRPC. */
import { GRPC_WEB_TEXT } from '../../http/grpc-kind.ts'
import type { RoutedRequest } from '../../routing/request.ts'
import type { ResponseWriter } from '../downstream.ts'
import type { GrpcCall } from './call.ts'
import { GrpcWebRequest } from './web-request.ts'
import { GrpcWebResponse } from './web-response.ts'

export interface WebTranslation {
  /** As origins get it. */
  readonly request: RoutedRequest
  /** Its content, as it comes. */
  readonly content: GrpcWebRequest
  /** Where the origin's response goes. */
  readonly response: ResponseWriter
}

/** `response` writes what the client gets. */
export function translateWeb(call: GrpcCall, request: RoutedRequest, response: ResponseWriter): WebTranslation {
  const content = new GrpcWebRequest(call)
  return {
    request: content.translate(request),
    content,
    response: new GrpcWebResponse(response, wantsText(call, request)),
  }
}

/** What the client accepts counts, else it gets what it sends. */
function wantsText(call: GrpcCall, request: RoutedRequest): boolean {
  const accepted = request.field('accept')?.toLowerCase() ?? ''
  if (!accepted.includes('application/grpc-web')) return call.kind === GRPC_WEB_TEXT
  return accepted.includes('application/grpc-web-text')
}
