/** Where a route looks for the file of a request; whether there is one, nobody asks here. */
import { preferredCodings, SUFFIXES } from '../exchange/files/content-coding.ts'
import { namesBelow, prefixOf } from '../exchange/files/path-names.ts'
import type { RoutedRequest } from '../routing/request.ts'
import type { FilesSnapshot } from '../snapshot.ts'
import type { ExplainedFiles } from './explanation.ts'

/** The folder itself, without its slash: it is answered with a redirect to the same with one, as every other. */
const ROOT = '.'

/** `path` as `filePath` gives it. `null` where the path can be no file's, and there is none in place of it. */
export function explainFiles(settings: FilesSnapshot, path: string, request: RoutedRequest): ExplainedFiles | null {
  const { root, fallback, precompressed } = settings
  const names = namesOf(settings, path)
  if (names === null) return null
  const all = fallback === '' ? names : [...names, fallback]
  if (all.length === 0) return null
  const codings = preferredCodings(request.field('accept-encoding') ?? '', precompressed)
  return { root, names: all, precompressed: codings.map(coding => SUFFIXES[coding]) }
}

/** `null` where not even the fallback counts. */
function namesOf(settings: FilesSnapshot, path: string): string[] | null {
  const names = namesBelow(path, prefixOf(settings))
  if (names.kind === 'hidden') return null
  if (names.kind === 'none') return []
  const written = names.names.join('/')
  if (!names.isFolder) return [written || ROOT]
  return settings.index.map(index => (written === '' ? index : `${written}/${index}`))
}
