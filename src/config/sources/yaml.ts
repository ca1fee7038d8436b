import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml'
import { quote } from '../parsed.ts'
import { type Finding, type KeyPath, type Place, positionsIn, type Source, unusable } from '../positions.ts'
import type { ProblemCode } from '../problem-codes.ts'
import { DEPTH_MAX, TOO_DEEP, VALUES_MAX, withoutByteOrderMark } from './bounds.ts'

/** Reads YAML 1.2, and JSON as the part of YAML that it is, into plain data with positions. */

/** Syntax errors that are reported; those that follow are mostly echoes. */
const SYNTAX_ERRORS_MAX = 10

export function readYaml(text: string, file: string): Source {
  const source = withoutByteOrderMark(text)
  const document = parseDocument(source, {
    // Reported by the reader below, with the key's path.
    uniqueKeys: false,
    prettyErrors: false,
    resolveKnownTags: false,
  })
  const positionOf = positionsIn(source, file)
  const syntax = syntaxFindings([...document.errors, ...document.warnings], source, positionOf)
  if (syntax.length > 0) return unusable(syntax, source, positionOf)
  const reader = new Reader(positionOf)
  const built = reader.read(document.contents as Node | null, [], 0, 0)
  const { findings, overflowed } = reader
  const extent = source.length + 1
  return { value: built.value, root: built.place, findings, usable: !overflowed, extent, positionOf }
}

function syntaxFindings(
  errors: readonly YAMLError[],
  text: string,
  positionOf: (offset: number) => { line: number },
): Finding[] {
  const findings: Finding[] = []
  const reported = new Set<number>()
  for (const error of errors.toSorted((one, other) => one.pos[0] - other.pos[0])) {
    const { line } = positionOf(error.pos[0])
    if (reported.has(line) || findings.length === SYNTAX_ERRORS_MAX) continue
    reported.add(line)
    const [offset] = error.pos
    const hint = text.startsWith('${', offset - 1) ? QUOTE_PLACEHOLDER : ''
    findings.push({ path: [], at: 'value', code: 'syntax', offset, message: syntaxMessage(error), hint })
  }
  // Where the parser gave up depends on how much stack was left: no place to name.
  const exhausted = errors.some(error => error.code === 'RESOURCE_EXHAUSTION')
  return exhausted ? [{ path: [], at: 'value', code: 'too-large', offset: 0, message: TOO_DEEP, hint: '' }] : findings
}

/** Where a brace begins a map, it cannot begin a placeholder. */
const QUOTE_PLACEHOLDER = 'in { } and [ ] a value with "${" in it stands in quotes'

function syntaxMessage(error: YAMLError): string {
  switch (error.code) {
    case 'MULTIPLE_DOCS':
      return 'the file holds more than one YAML document'
    case 'TAB_AS_INDENT':
      return 'a tab is used for indentation, where YAML wants spaces'
    default:
      return `not valid YAML: ${error.message.split('\n')[0]}`
  }
}

/** A value with its places; how many values are in it, and how many levels, aliases expanded. */
interface Built {
  readonly value: unknown
  readonly place: Place
  readonly count: number
  readonly height: number
}

/** Walks the tree in the order of the text, so that an alias finds the anchor that stands before it. */
class Reader {
  readonly findings: Finding[] = []
  /** `null` while the anchored value is being read: an alias to it would never end. */
  private readonly anchors = new Map<string, Built | null>()
  private readonly positionOf: (offset: number) => { line: number }
  overflowed = false

  constructor(positionOf: (offset: number) => { line: number }) {
    this.positionOf = positionOf
  }

  read(node: Node | null, path: KeyPath, keyOffset: number, depth: number): Built {
    if (node === null) return leaf(null, keyOffset, keyOffset)
    if (isAlias(node)) return this.readAlias(node, path, keyOffset, depth)
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined
    if (anchor !== undefined) this.anchors.set(anchor, null)
    const built = this.readValue(node, path, keyOffset, depth)
    if (anchor !== undefined) this.anchors.set(anchor, built)
    if (built.count > VALUES_MAX) this.overflow(path, built.place.valueOffset)
    return built
  }

  private readValue(node: Node, path: KeyPath, keyOffset: number, depth: number): Built {
    const valueOffset = startOf(node, keyOffset)
    if (isScalar(node)) return leaf(node.value, keyOffset, valueOffset)
    if (depth >= DEPTH_MAX) {
      this.report('too-large', path.slice(0, 4), valueOffset, TOO_DEEP)
      return leaf(null, keyOffset, valueOffset)
    }
    if (isMap(node)) return this.readMap(node, path, keyOffset, depth)
    if (isSeq(node)) return this.readList(node, path, keyOffset, depth)
    throw new Error('a YAML node of no known kind')
  }

  private readList(node: YAMLSeq, path: KeyPath, keyOffset: number, depth: number): Built {
    const value: unknown[] = []
    const children = new Map<number, Place>()
    let count = 1
    let height = 1
    for (const [index, item] of node.items.entries()) {
      const offset = startOf(item as Node, keyOffset)
      const built = this.read(item as Node | null, [...path, index], offset, depth + 1)
      if (this.overflowed) break
      value.push(built.value)
      children.set(index, built.place)
      count += built.count
      height = Math.max(height, built.height + 1)
    }
    return { value, place: { keyOffset, valueOffset: startOf(node, keyOffset), children }, count, height }
  }

  private readMap(node: YAMLMap, path: KeyPath, keyOffset: number, depth: number): Built {
    const value: Record<string, unknown> = Object.create(null)
    const children = new Map<string, Place>()
    const merged: Built[] = []
    let count = 1
    let height = 1
    for (const pair of node.items as Pair<Node, Node | null>[]) {
      const isMerge = isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.value === '<<'
      const key = isMerge ? '<<' : this.readKey(pair.key, path, children)
      const offset = startOf(pair.key, keyOffset)
      // What is merged is on the level of this map itself.
      const down = isMerge ? 0 : 1
      const built = this.read(pair.value, key === null ? path : [...path, key], offset, depth + down)
      if (this.overflowed) break
      count += built.count
      height = Math.max(height, built.height + down)
      if (isMerge) merged.push(...this.mergedMaps(built, pair.value, path))
      if (isMerge || key === null) continue
      value[key] = built.value
      children.set(key, built.place)
    }
    mergeInto(value, children, merged)
    return { value, place: { keyOffset, valueOffset: startOf(node, keyOffset), children }, count, height }
  }

  /** The key's text, or `null` for one that was reported and whose value is left out. */
  private readKey(node: Node | null, path: KeyPath, siblings: ReadonlyMap<string, Place>): string | null {
    const offset = startOf(node, 0)
    const key = this.keyText(node)
    if (key === null) return this.report('unusable-key', path, offset, 'a key must be plain text')
    if (key === '__proto__') return this.report('unusable-key', [...path, key], offset, 'is not a usable key')
    const first = siblings.get(key)
    if (first === undefined) return key
    const { line } = this.positionOf(first.keyOffset)
    return this.report('duplicate-key', [...path, key], offset, `stands here twice; the first is on line ${line}`)
  }

  private keyText(node: Node | null): string | null {
    if (isAlias(node)) {
      const target = this.anchors.get(node.source)
      return typeof target?.value === 'string' ? target.value : null
    }
    if (!isScalar(node)) return null
    const text = typeof node.value === 'string' ? node.value : ((node as Scalar).source ?? '')
    if (node.anchor !== undefined) this.anchors.set(node.anchor, leaf(text, startOf(node, 0), startOf(node, 0)))
    return text
  }

  private readAlias(node: Alias, path: KeyPath, keyOffset: number, depth: number): Built {
    const valueOffset = startOf(node, keyOffset)
    const target = this.anchors.get(node.source)
    if (target === undefined || target === null) {
      const reason = target === null ? 'stands inside the value that it names' : 'has no anchor before it'
      this.report('wrong-alias', path, valueOffset, `the alias ${quote(`*${node.source}`)} ${reason}`)
      return leaf(null, keyOffset, valueOffset)
    }
    if (depth + target.height > DEPTH_MAX) {
      this.report('too-large', path.slice(0, 4), valueOffset, TOO_DEEP)
      return leaf(null, keyOffset, valueOffset)
    }
    return { ...target, place: { keyOffset, valueOffset, children: target.place.children } }
  }

  private mergedMaps(built: Built, node: Node | null, path: KeyPath): Built[] {
    const values = Array.isArray(built.value) ? built.value : [built.value]
    if (!values.every(isPlainMap)) {
      const message = '"<<" merges a map or a list of maps, and nothing else'
      this.report('wrong-alias', path, startOf(node, built.place.keyOffset), message)
    }
    const places = Array.isArray(built.value)
      ? values.map((_, index) => built.place.children.get(index)!)
      : [built.place]
    return values
      .map((value, index) => ({ value, place: places[index]!, count: 0, height: 0 }))
      .filter(({ value }) => isPlainMap(value))
  }

  private overflow(path: KeyPath, offset: number): void {
    if (this.overflowed) return
    this.overflowed = true
    this.report(
      'too-large',
      path,
      offset,
      `the file holds more than ${VALUES_MAX} values once its aliases are expanded`,
    )
  }

  private report(code: ProblemCode, path: KeyPath, offset: number, message: string): null {
    this.findings.push({ path, at: 'key', code, offset, message, hint: '' })
    return null
  }
}

/** A key of the map itself goes before a merged one, and an earlier merged map before a later one. */
function mergeInto(value: Record<string, unknown>, children: Map<string, Place>, merged: readonly Built[]): void {
  for (const { value: source, place } of merged) {
    for (const [key, item] of Object.entries(source as Record<string, unknown>)) {
      if (key in value) continue
      value[key] = item
      const child = place.children.get(key)
      if (child !== undefined) children.set(key, child)
    }
  }
}

function isPlainMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function leaf(value: unknown, keyOffset: number, valueOffset: number): Built {
  return { value, place: { keyOffset, valueOffset, children: new Map() }, count: 1, height: 0 }
}

function startOf(node: Node | null, otherwise: number): number {
  return node?.range?.[0] ?? otherwise
}
