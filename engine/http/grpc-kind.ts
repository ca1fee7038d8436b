/** Which requests are calls of gRPC: the media type of their content says it. */

export const NOT_GRPC = 0
/** Over HTTP/2, with its status in the trailers. */
export const GRPC = 1
/** For clients that see no trailers: they are the last message of the content. */
export const GRPC_WEB = 2
/** The same with its content in base64. */
export const GRPC_WEB_TEXT = 3

export type GrpcKind = typeof NOT_GRPC | typeof GRPC | typeof GRPC_WEB | typeof GRPC_WEB_TEXT

const KINDS: ReadonlyMap<string, GrpcKind> = new Map([
  ['application/grpc', GRPC],
  ['application/grpc-web', GRPC_WEB],
  ['application/grpc-web-text', GRPC_WEB_TEXT],
])

/** Of a `Content-Type`: in lower case, without parameters. */
export function mediaType(field: string): string {
  const end = field.indexOf(';')
  return (end < 0 ? field : field.slice(0, end)).trim().toLowerCase()
}

/** What a media type says; what its messages are written in (`+proto`, `+json`) does not matter. */
export function grpcKindOf(type: string): GrpcKind {
  if (!type.startsWith('application/grpc')) return NOT_GRPC
  return KINDS.get(type.slice(0, type.length - suffixOf(type).length)) ?? NOT_GRPC
}

/** What the messages are written in, with its plus sign; empty where the media type does not say. */
export function suffixOf(type: string): string {
  const at = type.indexOf('+')
  return at < 0 ? '' : type.slice(at)
}
