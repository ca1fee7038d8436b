import { formatPath, type KeyPath } from '../positions.ts'
import type { Locate } from './plain-object.ts'

/**
 * Finds keys in the text of a module, as far as it is written like data. What a module gives is an object without
 * positions; its text is a program that may have made the object in any way. A key is located where an object literal has
 * exactly that path, or else where the text has exactly one key of that name. Otherwise nowhere, rather than wrongly.
 */
export function locateIn(text: string, positionOf: (offset: number) => { line: number; column: number }): Locate {
  const scan = new Scan()
  for (const token of tokensOf(text)) scan.read(token)
  return path => {
    const name = path.findLast(step => typeof step === 'string')
    const offset = only(scan.byPath.get(formatPath(path))) ?? only(name === undefined ? [] : scan.byName.get(name))
    return offset === null ? null : positionOf(offset)
  }
}

function only(offsets: readonly number[] | undefined): number | null {
  return offsets?.length === 1 ? offsets[0]! : null
}

interface Token {
  readonly kind: 'name' | 'text' | 'mark'
  readonly text: string
  readonly offset: number
}

const TOKENS =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|`(?:\\[\s\S]|[^`\\])*`|(?<text>'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")|(?<name>[A-Za-z_$][\w$]*)|(?<mark>[{}[\](),:])|\S/g

/** Comments and template literals are left out; what is none of ours is a mark, so that it separates. */
function* tokensOf(text: string): Generator<Token> {
  for (const match of text.matchAll(TOKENS)) {
    const { index: offset, groups } = match
    const first = match[0][0]
    if (groups?.name !== undefined) yield { kind: 'name', text: groups.name, offset }
    else if (groups?.text !== undefined) yield { kind: 'text', text: groups.text.slice(1, -1), offset }
    else if (first !== '/' || match[0].length === 1)
      yield { kind: 'mark', text: first === '`' ? '`' : match[0], offset }
  }
}

/** A brace, bracket or parenthesis that is open. */
interface Frame {
  readonly kind: 'map' | 'list' | 'other'
  readonly path: KeyPath
  /** Of a map: the key whose value is being read; of a list: the place of the item. */
  step: string | number | null
  /** Of a map: what may turn out to be a key by what comes behind it. */
  candidate: Token | null
  isAtStart: boolean
}

class Scan {
  readonly byPath = new Map<string, number[]>()
  readonly byName = new Map<string, number[]>()
  private readonly frames: Frame[] = []

  read(token: Token): void {
    const frame = this.frames.at(-1)
    if (token.kind === 'mark') this.readMark(token, frame)
    else if (frame?.kind === 'map') frame.candidate = frame.isAtStart ? token : null
    if (frame !== undefined && !/^[,{[]$/.test(token.text)) frame.isAtStart = false
  }

  private readMark(token: Token, frame: Frame | undefined): void {
    switch (token.text) {
      case '{':
      case '[':
      case '(':
        this.open(token, frame)
        break
      case '}':
      case ']':
      case ')':
        if (frame?.kind === 'map') this.takeShorthand(frame)
        this.frames.pop()
        break
      case ':':
        if (frame?.kind === 'map' && frame.candidate !== null) this.takeKey(frame, frame.candidate)
        break
      case ',':
        if (frame !== undefined) this.next(frame)
        break
      default:
        if (frame !== undefined) frame.candidate = null
    }
  }

  private open(token: Token, frame: Frame | undefined): void {
    const isInside = frame !== undefined && frame.kind !== 'other' && frame.step !== null
    // In a call, a function or a statement: whatever opens there is a beginning of its own.
    const path = isInside ? [...frame.path, frame.step!] : []
    if (isInside && frame.kind === 'list' && token.text === '{') this.note(path, token.offset)
    if (frame !== undefined) frame.candidate = null
    const kind = token.text === '{' ? 'map' : token.text === '[' ? 'list' : 'other'
    this.frames.push({ kind, path, step: kind === 'list' ? 0 : null, candidate: null, isAtStart: true })
  }

  private next(frame: Frame): void {
    if (frame.kind === 'map') this.takeShorthand(frame)
    if (typeof frame.step === 'number') frame.step++
    else frame.step = null
    frame.isAtStart = true
  }

  private takeKey(frame: Frame, key: Token): void {
    frame.step = key.text
    frame.candidate = null
    this.note([...frame.path, key.text], key.offset)
  }

  /** `{ routes, upstreams }`. */
  private takeShorthand(frame: Frame): void {
    const { candidate } = frame
    frame.candidate = null
    if (candidate?.kind === 'name') this.note([...frame.path, candidate.text], candidate.offset)
  }

  private note(path: KeyPath, offset: number): void {
    const last = path.at(-1)
    add(this.byPath, formatPath(path), offset)
    if (typeof last === 'string') add(this.byName, last, offset)
  }
}

function add(places: Map<string, number[]>, key: string, offset: number): void {
  const known = places.get(key)
  if (known === undefined) places.set(key, [offset])
  else known.push(offset)
}
