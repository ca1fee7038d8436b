/**
 * The response of a route with files, from looking for the file to its last byte.
 *
 *     idle ──request whole──▶ looking ──file open──▶ sending ──last byte──▶ ended
 *                                │                      │
 *                                │                      └── file changed, unreadable: cut
 *                                └── folder: redirect; no file: error
 *
 * The exchange ends it from anywhere, and with it closes the file.
 */
import { NO_CONTENT } from '../../http/framing.ts'
import type { PendingLines } from '../../rewriting/message-edits.ts'
import { REFUSED_TARGET, upstreamTarget } from '../../rewriting/rewrite.ts'
import { NO_RESPONSE } from '../../rewriting/template.ts'
import type { RoutedRequest } from '../../routing/request.ts'
import type { FieldLine } from '../../snapshot.ts'
import type { ErrorCode } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { withQuery } from '../redirect.ts'
import type { Route } from '../route.ts'
import type { Described } from './describe.ts'
import { codeOf, FileError, meaningOf } from './file-error.ts'
import { FileSender, type FileSenderOwner } from './file-sender.ts'
import type { FileRequest, Folder, Found } from './folder.ts'
import type { OpenFile } from './open-file.ts'

/** Content of a request that is read away before its response begins; past it the connection is closed behind that. */
const DRAINED_BYTES_MAX = 64 * 1024

const ALLOW: FieldLine = ['Allow', 'GET, HEAD']

export class FileResponse implements FileSenderOwner {
  readonly #exchange: Exchange
  readonly #route: Route
  readonly #folder: Folder
  readonly #request: FileRequest
  /** Where the folder is, if it is one that the path means. */
  readonly #location: string
  /** Lines of the route that differ with the request; `null` for none. */
  readonly #lines: PendingLines | null
  #isLooking = false
  #isOver = false
  #drainedBytes = 0
  #described: Described | null = null
  /** `null` before there is something to send. */
  #sender: FileSender | null = null

  /** `path` is where the file is looked for. `request` is used up when this returns. */
  constructor(exchange: Exchange, route: Route, folder: Folder, path: string, request: RoutedRequest) {
    this.#exchange = exchange
    this.#route = route
    this.#folder = folder
    this.#request = fileRequest(path, exchange.isHead, request)
    // Two slashes in front would be another host's.
    this.#location = withQuery(`${request.path.replace(/^\/+/, '/')}/`, request.query)
    this.#lines = route.response.lines?.begin(request) ?? null
  }

  // The request's side.

  /** Its content is read away first, so that the next request can follow; but not where the client waits for a word. */
  start({ facts, method }: RoutedRequest, isRequestWhole: boolean): void {
    if (method !== 'GET' && method !== 'HEAD') this.#exchange.fail('file_method', [ALLOW])
    else if (isRequestWhole || facts.framing === NO_CONTENT || facts.expectContinue) this.#look()
  }

  requestContent(bytes: number): void {
    this.#drainedBytes += bytes
    if (this.#drainedBytes > DRAINED_BYTES_MAX) this.#look()
  }

  requestDone(): void {
    this.#look()
  }

  #look(): void {
    if (this.#isLooking || this.#isOver) return
    this.#isLooking = true
    this.#folder.find(this.#request).then(
      found => this.guard(() => this.#onFound(found)),
      error => this.guard(() => this.#onNotFound(error)),
    )
  }

  guard(run: () => void): void {
    this.#exchange.guard(run)
  }

  #onNotFound(error: unknown): void {
    if (this.#isOver) return
    const exchange = this.#exchange
    const code = codeOf(error)
    if (code === '') exchange.worker.net.onFault(error)
    else if (!(error instanceof FileError)) exchange.errorDetail = code
    exchange.fail(code === '' ? 'internal' : meaningOf(code))
  }

  #onFound(found: Found): void {
    if (found.kind === 'folder') {
      if (!this.#isOver) this.#sendWithout(301, [['Location', this.#location]], 0)
    } else if (this.#isOver) {
      found.file.close()
    } else {
      this.#onFile(found.file, found.described)
    }
  }

  #onFile(file: OpenFile, described: Described): void {
    const { status, fields, start, length } = described
    if (status >= 400 || length === 0 || this.#exchange.isHead) {
      file.close()
      if (status === 412) this.#exchange.fail('file_precondition', fields)
      else if (status === 416) this.#exchange.fail('file_range', fields)
      else this.#sendWithout(status, fields, status === 304 ? -1 : length)
      return
    }
    this.#described = described
    this.#sender = new FileSender(file, start, length, this.#exchange.downstream.response, this)
    this.#sender.read()
  }

  // The response.

  #sendWithout(status: number, fields: readonly FieldLine[], contentLength: number): void {
    this.#sendHead(status, fields, contentLength)
    this.onSent()
  }

  #sendHead(status: number, fields: readonly FieldLine[], contentLength: number): void {
    const edits = this.#exchange.responseEdits(this.#route.response.edits)
    const lines = this.#lines === null ? '' : this.#lines.finish({ ...NO_RESPONSE, status })
    this.#exchange.respond(status, performance.now())
    this.#exchange.downstream.response.sendOwnHead({ status, fields, contentLength, edits, lines })
  }

  onBeginning(): void {
    const described = this.#described
    if (described !== null) this.#sendHead(described.status, described.fields, described.length)
  }

  onSent(): void {
    this.#exchange.respondEnd(null, performance.now())
  }

  onFileError(code: ErrorCode, detail: string): void {
    this.#exchange.errorDetail = detail
    this.#exchange.fail(code)
  }

  responseDrain(): void {
    this.#sender?.resume()
  }

  /** The exchange is over, however it ended. */
  end(): void {
    this.#isOver = true
    this.#sender?.close()
  }
}

/** What a folder wants to know of a request. */
function fileRequest(path: string, isHead: boolean, request: RoutedRequest): FileRequest {
  return {
    path,
    isHead,
    acceptEncoding: request.field('accept-encoding') ?? '',
    ifMatch: request.field('if-match'),
    ifNoneMatch: request.field('if-none-match'),
    ifModifiedSince: request.field('if-modified-since'),
    ifUnmodifiedSince: request.field('if-unmodified-since'),
    ifRange: request.field('if-range'),
    range: request.field('range'),
  }
}

/** Where a route looks for the file of a request: its path, as the route rewrites it; `null` where that is refused. */
export function filePath({ rewrite }: Route, request: RoutedRequest): string | null {
  const target = upstreamTarget(rewrite, request)
  if (target === REFUSED_TARGET) return null
  if (target === null) return request.path
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}
