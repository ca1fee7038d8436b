/** A request of gRPC-Web as the call of gRPC that it stands for: its head, and its content where that is base64. */
import { CHUNKED_CONTENT, NO_CONTENT } from '../../http/framing.ts'
import { GRPC_WEB_TEXT, suffixOf } from '../../http/grpc-kind.ts'
import { RequestFacts } from '../../http/request-facts.ts'
import { memory } from '../../http1/llhttp.ts'
import { RoutedRequest } from '../../routing/request.ts'
import type { FieldLine } from '../../snapshot.ts'
import { Base64Decoder } from './base64-decoder.ts'
import type { GrpcCall } from './call.ts'
import { changeHead } from './web-head.ts'

export { MALFORMED_TEXT } from './base64-decoder.ts'

const CONTENT_TYPE: ReadonlySet<string> = new Set(['content-type'])
/** Of content that becomes shorter nobody knows the length. */
const CONTENT_TYPE_AND_LENGTH: ReadonlySet<string> = new Set(['content-type', 'content-length'])

export class GrpcWebRequest {
  readonly #call: GrpcCall
  /** `null` where the content is that of gRPC. */
  readonly #decoder: Base64Decoder | null

  constructor(call: GrpcCall) {
    this.#call = call
    this.#decoder = call.kind === GRPC_WEB_TEXT ? new Base64Decoder() : null
  }

  /** The request as origins get it, with a head of its own. */
  translate(request: RoutedRequest): RoutedRequest {
    const type: FieldLine = ['content-type', `application/grpc${suffixOf(this.#call.contentType)}`]
    const without = this.#decoder === null ? CONTENT_TYPE : CONTENT_TYPE_AND_LENGTH
    const { head, moved } = changeHead(request.head, without, [type])
    const facts = Object.assign(new RequestFacts(), request.facts)
    const by = moved(facts.hostStart)
    facts.hostStart += by
    facts.hostEnd += by
    // gRPC asks for it: the status comes in the trailers.
    facts.acceptsTrailers = true
    if (this.#decoder !== null && facts.framing !== NO_CONTENT) facts.framing = CHUNKED_CONTENT
    const translated = new RoutedRequest(head, facts, request.source)
    translated.continue(request)
    return translated
  }

  /** Content has come. Gives its end once it is in the bytes of gRPC, where it lies; or `MALFORMED_TEXT`. */
  decode(start: number, end: number): number {
    return this.#decoder === null ? end : this.#decoder.decode(memory, start, end)
  }

  /** False where something is missing of the content, all of which has come. */
  get isWhole(): boolean {
    return this.#decoder === null || this.#decoder.isWhole
  }
}
