import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The working tree that these sources are part of, with a trailing slash. */
export const ROOT: string = fileURLToPath(new URL('..', import.meta.url))

/** The library's entry in a tree: the sources as they are, or what was built of them. */
export function entryOf(tree: string, form: 'sources' | 'dist'): string {
  return form === 'sources' ? join(tree, 'src', 'index.ts') : join(tree, 'dist', 'src', 'index.js')
}
