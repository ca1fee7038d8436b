/** What a path calls a file, below the root of its route. */
import type { FilesSnapshot } from '../../snapshot.ts'

export type PathNames =
  | {
      readonly kind: 'names'
      /** Of folders and files, from the root on; the root itself has none. */
      readonly names: readonly string[]
      /** It ends in a slash. */
      readonly isFolder: boolean
    }
  /** No file can have such a name. */
  | { readonly kind: 'none' }
  /** Whatever lies there is nobody's business. */
  | { readonly kind: 'hidden' }

const NONE: PathNames = { kind: 'none' }
const HIDDEN: PathNames = { kind: 'hidden' }

/** The one folder with a dot that is meant for everybody (RFC 8615), and only as the first one. */
const WELL_KNOWN = '.well-known'

/** Of a path in canonical form. Each segment is decoded once, and is one name, or the path is none. */
export function pathNames(path: string): PathNames {
  const segments = path.split('/')
  if (!path.startsWith('/')) return NONE
  const isFolder = segments.at(-1) === ''
  const names: string[] = []
  for (const [index, segment] of segments.slice(1, isFolder ? -1 : undefined).entries()) {
    const name = decoded(segment)
    if (name === null) return NONE
    if (name.startsWith('.') && !(index === 0 && name === WELL_KNOWN)) return HIDDEN
    names.push(name)
  }
  return { kind: 'names', names, isFolder }
}

/** Of a path in canonical form, with `prefix` in front, which has no slash at its end. */
export function namesBelow(path: string, prefix: string): PathNames {
  const names = pathNames(withoutPrefix(path, prefix) || '/')
  // A prefix alone is the folder itself without its slash.
  return names.kind === 'names' && path === prefix ? { ...names, isFolder: false } : names
}

/** Names are UTF-8, never empty, and never a way to somewhere else, on whatever system. */
function decoded(segment: string): string | null {
  let name: string
  try {
    name = decodeURIComponent(segment)
  } catch {
    return null
  }
  return name === '' || /[/\\\0]/.test(name) ? null : name
}

/** What is taken off the path first, without a slash at its end. */
export function prefixOf({ stripPrefix }: FilesSnapshot): string {
  return stripPrefix.replace(/\/+$/, '')
}

/** `prefix` is without a slash at its end. A path that does not begin with it stays as it is. */
export function withoutPrefix(path: string, prefix: string): string {
  return path === prefix || path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path
}
