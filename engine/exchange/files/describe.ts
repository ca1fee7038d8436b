/**
 * The head of a response that carries a file, or a part of it, or says that the client has it already: conditions first,
 * then ranges (RFC 9110, sections 13.2.2 and 14.2).
 */
import type { FieldLine } from '../../snapshot.ts'
import type { ContentCoding } from './content-coding.ts'
import { type SendLibrary, sendLibrary } from './library.ts'
import type { OpenFile } from './open-file.ts'

/** What of a request decides which part of a file is sent; `null` for fields that it does not have. */
export interface Conditions {
  readonly isHead: boolean
  readonly ifMatch: string | null
  readonly ifNoneMatch: string | null
  readonly ifModifiedSince: string | null
  readonly ifUnmodifiedSince: string | null
  readonly ifRange: string | null
  readonly range: string | null
}

export interface Described {
  /** 200, 206, 304, 412 or 416. */
  readonly status: number
  readonly fields: readonly FieldLine[]
  /** Where in the file the content begins. */
  readonly start: number
  /** Bytes of it. */
  readonly length: number
}

export interface Variant {
  readonly file: OpenFile
  /** What the client asked for: its ending says what it is, compressed or not. */
  readonly name: string
  readonly coding: ContentCoding | null
}

/** `null` where the file is no longer the one that lies at its path. */
export async function describe(variant: Variant, conditions: Conditions): Promise<Described | null> {
  const library = await sendLibrary()
  const { file } = variant
  // It is described as for HEAD, so that the library leaves reading it to us.
  const request = { method: 'HEAD', headers: requestFields(variant, conditions) }
  const result = await library.send(request, encodedPath(file.path), {
    cacheControl: false,
    contentType: false,
    dotfiles: 'allow',
    index: false,
  })
  const { statusCode: status, headers } = result
  if (result.type === 'error' && (status === 412 || status === 416)) {
    const range = headers['Content-Range']
    return { status, fields: range === undefined ? [] : [['Content-Range', range]], start: 0, length: 0 }
  }
  if (result.type !== 'file' || !isSame(file, result.metadata.stat)) return null
  const length = status === 304 ? 0 : Number(headers['Content-Length'])
  return { status, fields: fieldsOf(library, variant, headers), start: startOf(headers), length }
}

function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

function isSame({ stats }: OpenFile, now: OpenFile['stats']): boolean {
  return stats.ino === now.ino && stats.dev === now.dev && stats.size === now.size && stats.mtimeMs === now.mtimeMs
}

/** Strong, as nginx has it, so that it serves for ranges; each coding has its own (RFC 9110, section 8.8.3.3). */
function entityTag({ file, coding }: Variant): string {
  const suffix = coding === null ? '' : `-${coding}`
  return `"${versionOf(file)}${suffix}"`
}

/** As the library has it. */
function versionOf({ stats }: OpenFile): string {
  return `${stats.size.toString(16)}-${stats.mtime.getTime().toString(16)}`
}

/** Conditions as the library reads them, whose own tags are weak and know no coding. */
function requestFields(variant: Variant, conditions: Conditions): Record<string, string> {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions
  const tag = entityTag(variant)
  const own = `W/"${versionOf(variant.file)}"`
  const fields: Record<string, string> = {}
  if (ifMatch !== null) fields['if-match'] = tagFor(ifMatch, tag, own, false)
  // Where there is a tag to go by, times do not count.
  else if (ifUnmodifiedSince !== null) fields['if-unmodified-since'] = ifUnmodifiedSince
  if (ifNoneMatch !== null) fields['if-none-match'] = tagFor(ifNoneMatch, tag, own, true)
  else if (ifModifiedSince !== null) fields['if-modified-since'] = ifModifiedSince
  const range = rangeFor(variant, conditions, tag)
  if (range !== null) fields.range = range
  return fields
}

/** A list of tags says what the library is to find: everything, its own tag, or nothing. */
function tagFor(list: string, tag: string, own: string, isWeak: boolean): string {
  if (list.trim() === '*') return '*'
  const tags = list.split(',').map(element => element.trim())
  return tags.includes(tag) || (isWeak && tags.includes(`W/${tag}`)) ? own : '"none"'
}

/** Ranges of bytes with something in them that is in none. */
const NO_RANGES = /^bytes=[\d\s,-]*[^\d\s,-]/

/** Only GET has ranges, and only of the version that the client has a part of already. */
function rangeFor({ file }: Variant, { isHead, range, ifRange }: Conditions, tag: string): string | null {
  if (isHead || range === null) return null
  if (ifRange !== null && ifRange !== tag && ifRange !== file.stats.mtime.toUTCString()) return null
  // The library reads numbers as far as they go, `0x1` as 0.
  if (NO_RANGES.test(range)) return 'bytes=-'
  // More than there is from the end is all there is; the library takes it for nothing.
  const [, suffix] = /^bytes=-(\d+)$/.exec(range) ?? []
  return suffix !== undefined && Number(suffix) > file.stats.size ? 'bytes=0-' : range
}

function startOf(headers: Readonly<Record<string, string>>): number {
  const [, start = '0'] = /^bytes (\d+)-/.exec(headers['Content-Range'] ?? '') ?? []
  return Number(start)
}

function fieldsOf(library: SendLibrary, variant: Variant, headers: Readonly<Record<string, string>>): FieldLine[] {
  const fields: FieldLine[] = [
    ['ETag', entityTag(variant)],
    ['Last-Modified', variant.file.stats.mtime.toUTCString()],
  ]
  if (headers['Content-Length'] === undefined) return fields
  fields.push(['Accept-Ranges', 'bytes'], ['Content-Type', library.mediaType(variant.name)])
  if (variant.coding !== null) fields.push(['Content-Encoding', variant.coding])
  const range = headers['Content-Range']
  if (range !== undefined) fields.push(['Content-Range', range])
  return fields
}
