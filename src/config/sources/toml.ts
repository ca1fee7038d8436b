import { type AST, ParseError, parseTOML } from 'toml-eslint-parser'
import { type Finding, type KeyPath, type Place, positionsIn, type Source, unusable } from '../positions.ts'
import { DEPTH_MAX, TOO_DEEP, withoutByteOrderMark } from './bounds.ts'

/** Reads TOML 1.0 into plain data with positions. Dates and times stay the text that they are. */

export function readToml(text: string, file: string): Source {
  const source = withoutByteOrderMark(text)
  const positionOf = positionsIn(source, file)
  let program: AST.TOMLProgram
  try {
    program = parseTOML(source)
  } catch (error) {
    return unusable([syntaxFinding(error, source)], source, positionOf)
  }
  const reader = new Reader()
  reader.readTopLevel(program.body[0])
  const { root, findings } = reader
  const usable = findings.every(finding => finding.code !== 'too-large')
  // As an empty file is in the other languages: nothing, rather than a map without keys.
  const value = root.place.children.size === 0 ? null : root.value
  return { value, root: root.place, findings, usable, extent: source.length + 1, positionOf }
}

function syntaxFinding(error: unknown, text: string): Finding {
  // The parser calls itself for each level; how deep it gets depends on the stack, so there is no place to name.
  if (error instanceof RangeError) return finding('too-large', [], 0, TOO_DEEP)
  if (!(error instanceof ParseError)) throw error
  if (error.message === 'Defining a key multiple times is invalid') {
    return finding('duplicate-key', [], error.index, 'a key or a table stands here a second time')
  }
  // What is missing is missing behind what is there, not where the next thing begins.
  const offset = error.message === MISSING_VALUE ? text.slice(0, error.index).trimEnd().length : error.index
  return finding('syntax', [], offset, `not valid TOML: ${WORDS[error.message] ?? error.message}`)
}

const MISSING_VALUE = 'Unspecified values are invalid'

/** What the parser says less well. */
const WORDS: Readonly<Record<string, string>> = {
  [MISSING_VALUE]: 'a value is missing',
  'Expected equal (=) token': 'an equals sign is missing behind the key',
  'Unterminated string constant': 'a text has no closing quote',
}

function finding(code: Finding['code'], path: KeyPath, offset: number, message: string): Finding {
  return { path, at: 'key', code, offset, message, hint: '' }
}

/** A map or a list that is still being filled, with its place. */
interface Growing {
  readonly value: Record<string | number, unknown>
  readonly place: Place & { readonly children: Map<string | number, Place> }
  /** The maps and lists in it, to go on filling them where a later table names them. */
  readonly inner: Map<string | number, Growing>
}

class Reader {
  readonly root: Growing = mapAt(0, 0)
  readonly findings: Finding[] = []

  readTopLevel(table: AST.TOMLTopLevelTable): void {
    for (const entry of table.body) {
      if (entry.type === 'TOMLTable') this.readTable(entry)
      else this.readPair(entry, this.root, [])
    }
  }

  /** The header's path has the places in lists already: `['routes', 1, 'match']`. */
  private readTable(table: AST.TOMLTable): void {
    let map: Growing | null = this.root
    const path: (string | number)[] = []
    let named = -1
    for (const step of table.resolvedKey) {
      if (typeof step === 'string') named++
      const offset = table.key.keys[named]?.range[0] ?? table.range[0]
      path.push(step)
      map = this.below(map, path, step, offset, typeof table.resolvedKey[path.length] === 'number')
      if (map === null) return
    }
    for (const pair of table.body) this.readPair(pair, map, path)
  }

  private readPair(pair: AST.TOMLKeyValue, parent: Growing, parentPath: KeyPath): void {
    const keys = pair.key.keys
    const path = [...parentPath]
    let map: Growing | null = parent
    for (const [index, key] of keys.entries()) {
      const step = key.type === 'TOMLBare' ? key.name : key.value
      path.push(step)
      if (index === keys.length - 1) this.readInto(map, path, step, key.range[0], pair.value)
      else map = this.below(map, path, step, key.range[0], false)
      if (map === null) return
    }
  }

  /** The map or list under a key, made where it is not there yet. */
  private below(
    parent: Growing,
    path: KeyPath,
    step: string | number,
    offset: number,
    isList: boolean,
  ): Growing | null {
    if (!this.isUsable(path, step, offset)) return null
    const known = parent.inner.get(step)
    if (known !== undefined) return known
    const made = isList ? listAt(offset, offset) : mapAt(offset, offset)
    put(parent, step, made)
    return made
  }

  private readInto(parent: Growing, path: KeyPath, step: string | number, offset: number, node: AST.TOMLContentNode) {
    if (!this.isUsable(path, step, offset)) return
    switch (node.type) {
      case 'TOMLArray': {
        const list = listAt(offset, node.range[0])
        put(parent, step, list)
        for (const [index, element] of node.elements.entries()) {
          this.readInto(list, [...path, index], index, element.range[0], element)
        }
        return
      }
      case 'TOMLInlineTable': {
        const map = mapAt(offset, node.range[0])
        put(parent, step, map)
        for (const pair of node.body) this.readPair(pair, map, path)
        return
      }
      default:
        parent.value[step] = scalarOf(node)
        parent.place.children.set(step, { keyOffset: offset, valueOffset: node.range[0], children: new Map() })
    }
  }

  private isUsable(path: KeyPath, step: string | number, offset: number): boolean {
    if (step === '__proto__') this.findings.push(finding('unusable-key', path, offset, 'is not a usable key'))
    else if (path.length > DEPTH_MAX) this.findings.push(finding('too-large', path.slice(0, 4), offset, TOO_DEEP))
    else return true
    return false
  }
}

function scalarOf(node: AST.TOMLValue): unknown {
  return node.value instanceof Date ? (node as AST.TOMLDateTimeValue).datetime : node.value
}

function put(parent: Growing, step: string | number, child: Growing): void {
  parent.value[step] = child.value
  parent.place.children.set(step, child.place)
  parent.inner.set(step, child)
}

function mapAt(keyOffset: number, valueOffset: number): Growing {
  return growing(Object.create(null) as Growing['value'], keyOffset, valueOffset)
}

function listAt(keyOffset: number, valueOffset: number): Growing {
  return growing([] as unknown as Growing['value'], keyOffset, valueOffset)
}

function growing(value: Growing['value'], keyOffset: number, valueOffset: number): Growing {
  return { value, place: { keyOffset, valueOffset, children: new Map() }, inner: new Map() }
}
