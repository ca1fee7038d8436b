/** Changes to a message's field section with values that may differ with each request. */
import { type CompiledEdits, compileEdits, type MessageSide } from '../http/field-edits.ts'
import { isBlank } from '../http/head.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { FieldEdits, FieldLine, TemplateLine } from '../snapshot.ts'
import { type CompiledTemplate, compileTemplate, type PendingTemplate, type ResponseValues } from './template.ts'

export interface MessageEdits {
  /** What is the same for every request; `null` where nothing is changed. */
  readonly edits: CompiledEdits | null
  /** The lines that go behind the others, where not all of them are in `edits`. */
  readonly lines: TemplateLines | null
}

/** `route` is the name of the route whose changes these are. Throws where one concerns the framing or the connection. */
export function compileMessageEdits(edits: FieldEdits, side: MessageSide, route: string): MessageEdits {
  const lines = [...lastOfEachName(edits.set), ...edits.add].map(([name, value]) => {
    const template = compileTemplate(value, 'field', route)
    return [name, typeof template === 'string' ? trimmed(template) : template] as const
  })
  const isConstant = lines.every(([, value]) => typeof value === 'string')
  const constants = isConstant ? (lines as readonly FieldLine[]).filter(([, value]) => value !== '') : []
  return { edits: compileEdits(edits, constants, side), lines: isConstant ? null : new TemplateLines(lines) }
}

/** Each replaces every line of its name, and so those before it. */
function lastOfEachName(lines: readonly TemplateLine[]): readonly TemplateLine[] {
  const places = new Map(lines.map(([name], index) => [name.toLowerCase(), index]))
  return lines.filter(([name], index) => places.get(name.toLowerCase()) === index)
}

/** Field lines that are made anew for each request; one whose value comes out empty is left out. */
export class TemplateLines {
  readonly #lines: readonly (readonly [name: string, value: string | CompiledTemplate])[]

  constructor(lines: readonly (readonly [name: string, value: string | CompiledTemplate])[]) {
    this.#lines = lines
  }

  /** The lines of a request, each with its CRLF. */
  of(request: RoutedRequest): string {
    let text = ''
    for (const [name, value] of this.#lines) {
      text += lineOf(name, typeof value === 'string' ? value : value.evaluate(request))
    }
    return text
  }

  /** Takes along what the lines of the response need of its request, which is used up before that comes. */
  begin(request: RoutedRequest): PendingLines {
    return new PendingLines(
      this.#lines.map(([name, value]) => [name, typeof value === 'string' ? value : value.begin(request)]),
    )
  }
}

/** Field lines that wait for the response. */
export class PendingLines {
  readonly #lines: readonly (readonly [name: string, value: string | PendingTemplate])[]

  constructor(lines: readonly (readonly [name: string, value: string | PendingTemplate])[]) {
    this.#lines = lines
  }

  /** The lines of the response, each with its CRLF. */
  finish(response: ResponseValues): string {
    let text = ''
    for (const [name, value] of this.#lines) {
      text += lineOf(name, typeof value === 'string' ? value : value.finish(response))
    }
    return text
  }
}

function lineOf(name: string, value: string): string {
  const content = trimmed(value)
  return content === '' ? '' : `${name}: ${content}\r\n`
}

/** Without the blanks around it, which are not of a value (RFC 9110, section 5.5); in linear time, whatever a client sends. */
function trimmed(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isBlankAt(value, start)) start += 1
  while (end > start && isBlankAt(value, end - 1)) end -= 1
  return value.slice(start, end)
}

function isBlankAt(text: string, at: number): boolean {
  return isBlank(text.charCodeAt(at))
}
