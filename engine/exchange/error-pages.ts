/**
 * What clients are told in place of an error: of one that the proxy makes itself, and, where a page asks for that, of a
 * response of the upstream. The first page that has the status counts, those of the route before those for all.
 */
import type { Head } from '../http/head.ts'
import type { MessageEdits } from '../rewriting/message-edits.ts'
import {
  type CompiledTemplate,
  compileTemplate,
  type ResponseValues,
  type TemplatePlace,
} from '../rewriting/template.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { ErrorPageSnapshot, FieldLine, StatusRange, Template } from '../snapshot.ts'
import { type AnswerParts, mayHaveContent, PLAIN_TEXT, type StaticAnswer, staticAnswer } from './answer.ts'

/** Of a response that a page takes the place of, clients need these to do what its status asks of them. */
const KEPT_FIELDS: ReadonlySet<string> = new Set(['www-authenticate', 'retry-after', 'allow', 'location'])

/** What the exchange knows without the head of the request: of requests that cannot be read, too. */
const WITHOUT_HEAD: ReadonlySet<string> = new Set([
  'request_id',
  'time',
  'client_port',
  'listener',
  'route',
  'status',
  'upstream',
  'endpoint',
])

export class ErrorPages {
  readonly #pages: readonly ErrorPage[]
  /** Some of them are for responses of the upstream. */
  readonly intercepts: boolean
  /** The text of some of them has values of the request in it that stand in its head. */
  readonly readsRequest: boolean

  private constructor(pages: readonly ErrorPage[]) {
    this.#pages = pages
    this.intercepts = pages.some(page => page.intercepts)
    this.readsRequest = pages.some(page => page.readsRequest)
  }

  /** `null` where there are none. `route` is the name that they call the route by. */
  static of(pages: readonly ErrorPageSnapshot[], route: string): ErrorPages | null {
    return pages.length === 0 ? null : new ErrorPages(pages.map(page => new ErrorPage(page, route)))
  }

  /** For an error of the proxy's own. */
  ownOf(status: number): ErrorPage | null {
    return this.#pages.find(page => page.has(status)) ?? null
  }

  /** For a response of the upstream. */
  interceptingOf(status: number): ErrorPage | null {
    if (!mayHaveContent(status)) return null
    return this.#pages.find(page => page.intercepts && page.has(status)) ?? null
  }
}

/** Whether a page says which route it is for: then each route needs its own. */
export function namesRoute({ content }: ErrorPageSnapshot): boolean {
  return typeof content !== 'string' && content.some(part => typeof part !== 'string' && part.kind === 'route')
}

export class ErrorPage {
  readonly intercepts: boolean
  readonly readsRequest: boolean
  readonly #statuses: readonly StatusRange[]
  /** 0 for that of the error. */
  readonly #status: number
  readonly #fields: readonly FieldLine[]
  readonly #content: string | CompiledTemplate

  constructor(page: ErrorPageSnapshot, route: string) {
    this.intercepts = page.intercepts
    this.readsRequest = readsHead(page.content)
    this.#statuses = page.statuses
    this.#status = page.status
    const isTyped = page.content === '' || hasField(page.fields, 'content-type')
    this.#fields = isTyped ? page.fields : [PLAIN_TEXT, ...page.fields]
    this.#content = compileTemplate(page.content, placeOf(this.#fields), route)
  }

  has(status: number): boolean {
    return this.#statuses.some(([first, last]) => first <= status && status <= last)
  }

  /** The status that is sent for an error of `status`. */
  statusFor(status: number): number {
    return this.#status === 0 ? status : this.#status
  }

  /**
   * `fields` are those of the error that clients need: what the page says itself comes first. `changes` are those of the
   * route to its responses.
   */
  answer(
    request: RoutedRequest,
    values: ResponseValues,
    fields: readonly FieldLine[],
    changes: MessageEdits,
  ): StaticAnswer {
    const more = fields.filter(([name]) => !hasField(this.#fields, name.toLowerCase()))
    const content = this.#content
    const text = typeof content === 'string' ? content : content.evaluate(request, values)
    const parts: AnswerParts = {
      status: values.status,
      fields: [...this.#fields, ...more],
      content: Buffer.from(text, 'latin1'),
    }
    return staticAnswer(parts, changes)
  }
}

function hasField(fields: readonly FieldLine[], name: string): boolean {
  return fields.some(([written]) => written.toLowerCase() === name)
}

/** Values must not be taken for what the page is written in. */
function placeOf(fields: readonly FieldLine[]): TemplatePlace {
  const [, type = ''] = fields.find(([name]) => name.toLowerCase() === 'content-type') ?? []
  if (/html|xml|svg/i.test(type)) return 'html'
  return /json|javascript|ecmascript/i.test(type) ? 'json' : 'text'
}

function readsHead(template: Template): boolean {
  return typeof template !== 'string' && template.some(part => typeof part !== 'string' && !WITHOUT_HEAD.has(part.kind))
}

/** The fields of an upstream's response that stay when a page takes its place. */
export function keptFields(head: Head): FieldLine[] {
  const fields: FieldLine[] = []
  for (let index = 0; index < head.fieldCount; index += 1) {
    const name = head.name(index)
    if (KEPT_FIELDS.has(name.toLowerCase())) fields.push([name, head.value(index)])
  }
  return fields
}
