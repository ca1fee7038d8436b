import { type Finding, type KeyPath, lastNotAbove, type Place, type Source } from '../positions.ts'

/** Puts the sources that belong together into one: named things by name, lists one behind the other. */

/** Sections whose entries have names: each name stands in one file. */
const BY_NAME: ReadonlySet<string> = new Set(['listeners', 'upstreams'])
/** Lists: those of the including file go first. */
const IN_ORDER: ReadonlySet<string> = new Set(['routes', 'error_pages'])
/** What every file may say for itself. */
const OF_EACH_FILE: ReadonlySet<string> = new Set(['$schema', 'include'])

/** The sources in the order in which they count; the first is the one that the others were named by. */
export function mergeSources(sources: readonly Source[]): Source {
  const [first] = sources
  if (first !== undefined && sources.length === 1) return first
  const merger = new Merger(sources)
  for (const [index, source] of sources.entries()) merger.add(source, index)
  return merger.result()
}

class Merger {
  private readonly sources: readonly Source[]
  /** The offset at which each source begins in the whole. */
  private readonly starts: readonly number[]
  private readonly value: Record<string, unknown> = Object.create(null)
  private readonly children = new Map<string | number, Place>()
  private readonly findings: Finding[] = []
  private isEmpty = true

  constructor(sources: readonly Source[]) {
    this.sources = sources
    let start = 0
    this.starts = sources.map(source => {
      const own = start
      start += source.extent
      return own
    })
  }

  add(source: Source, index: number): void {
    const start = this.starts[index]!
    this.findings.push(...source.findings.map(finding => placed(finding, source.root, start)))
    if (!source.usable || source.value === null || source.value === undefined) return
    this.isEmpty = false
    const root = shifted(source.root, start)
    if (!isMap(source.value)) {
      this.report('wrong-type', [], root.valueOffset, 'must be a map of keys and values')
      return
    }
    for (const [key, value] of Object.entries(source.value)) {
      const place = root.children.get(key)
      if (place !== undefined) this.addSection(key, value, place)
    }
  }

  private addSection(key: string, value: unknown, place: Place): void {
    const known = this.value[key]
    if (!this.children.has(key)) {
      this.value[key] = value
      this.children.set(key, place)
    } else if (OF_EACH_FILE.has(key)) {
      return
    } else if (BY_NAME.has(key)) {
      if (isMap(known) && isMap(value)) this.addNames(key, known, value, place)
      else this.reportKind(key, isMap(known) ? place : this.children.get(key), 'a map of names and values')
    } else if (IN_ORDER.has(key)) {
      if (Array.isArray(known) && Array.isArray(value)) this.addItems(key, known, value, place)
      else this.reportKind(key, Array.isArray(known) ? place : this.children.get(key), 'a list')
    } else {
      this.reportTwice([key], place, this.children.get(key), 'this section stands in one file')
    }
  }

  private addNames(key: string, known: object, value: object, place: Place): void {
    const children = new Map(this.children.get(key)?.children)
    const whole: Record<string, unknown> = Object.assign(Object.create(null), known)
    for (const [name, entry] of Object.entries(value)) {
      const own = place.children.get(name)
      const first = children.get(name)
      if (own !== undefined && first !== undefined) this.reportTwice([key, name], own, first, '')
      if (own === undefined || first !== undefined) continue
      whole[name] = entry
      children.set(name, own)
    }
    this.replace(key, whole, children)
  }

  private addItems(key: string, known: readonly unknown[], value: readonly unknown[], place: Place): void {
    const children = new Map(this.children.get(key)?.children)
    for (const [index, own] of place.children) children.set(known.length + Number(index), own)
    this.replace(key, [...known, ...value], children)
  }

  private replace(key: string, value: unknown, children: ReadonlyMap<string | number, Place>): void {
    this.value[key] = value
    this.children.set(key, { ...this.children.get(key)!, children })
  }

  private reportKind(key: string, place: Place | undefined, kind: string): void {
    this.report('wrong-type', [key], place?.valueOffset ?? 0, `must be ${kind}`)
  }

  private reportTwice(path: KeyPath, place: Place, first: Place | undefined, rule: string): void {
    const { file, line } = this.positionOf(first?.keyOffset ?? 0)
    const where = line === 0 ? file : `${file}, line ${line}`
    const message = `is defined twice; the first is in ${where}`
    this.report('defined-twice', path, place.keyOffset, message, rule || 'give one of them another name')
  }

  private report(code: Finding['code'], path: KeyPath, offset: number, message: string, hint = ''): void {
    this.findings.push({ path, at: 'key', code, offset, message, hint })
  }

  private positionOf(offset: number): ReturnType<Source['positionOf']> {
    const index = lastNotAbove(this.starts, offset)
    return this.sources[index]!.positionOf(offset - this.starts[index]!)
  }

  result(): Source {
    const last = this.sources.length - 1
    return {
      value: this.isEmpty ? null : this.value,
      root: { keyOffset: 0, valueOffset: 0, children: this.children },
      findings: this.findings,
      usable: this.sources.every(source => source.usable),
      extent: this.starts[last]! + this.sources[last]!.extent,
      positionOf: offset => this.positionOf(offset),
    }
  }
}

/** A finding of one source in the whole: its path may mean something else there, so its offset has to say it. */
function placed(finding: Finding, root: Place, start: number): Finding {
  let place = root
  for (const step of finding.path) place = place.children.get(step) ?? place
  const offset = finding.offset ?? (finding.at === 'key' ? place.keyOffset : place.valueOffset)
  return { ...finding, offset: start + offset }
}

/** The places as they are in the whole. What is shared (aliases in YAML) stays shared. */
function shifted(root: Place, start: number): Place {
  if (start === 0) return root
  const known = new Map<Place['children'], Place['children']>()
  const shift = (place: Place): Place => {
    let children = known.get(place.children)
    if (children === undefined) {
      children = new Map([...place.children].map(([step, child]) => [step, shift(child)]))
      known.set(place.children, children)
    }
    return { ...place, keyOffset: place.keyOffset + start, valueOffset: place.valueOffset + start, children }
  }
  return shift(root)
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
