/** The folder of a route: which of its files a path means. */
import { join } from 'node:path'
import type { FieldLine, FilesSnapshot } from '../../snapshot.ts'
import { preferredCodings, SUFFIXES } from './content-coding.ts'
import { type Conditions, type Described, describe, type Variant } from './describe.ts'
import { codeOf, FileError, FOLDER, isMissing, MISSING, meaningOf, RESTLESS } from './file-error.ts'
import { sendLibrary } from './library.ts'
import { type OpenFile, openBelow, realPathOf } from './open-file.ts'
import { namesBelow, prefixOf } from './path-names.ts'

/** How often a file is looked for anew because another one took its place meanwhile; past it: 503. */
const TRIES_MAX = 3

/** What a request asks of a folder. */
export interface FileRequest extends Conditions {
  /** In canonical form, with the prefix. */
  readonly path: string
  /** Empty where the request has none. */
  readonly acceptEncoding: string
}

export type Found =
  /** `file` is open, and whoever has it closes it. */
  | { readonly kind: 'file'; readonly file: OpenFile; readonly described: Described }
  /** The path lacks the slash at its end. */
  | { readonly kind: 'folder' }

export class Folder {
  readonly #settings: FilesSnapshot
  readonly #prefix: string
  /** For every response with a file, and for those that say that the client has it. */
  readonly #fields: readonly FieldLine[]

  constructor(settings: FilesSnapshot) {
    this.#settings = settings
    this.#prefix = prefixOf(settings)
    const { cacheControl, precompressed } = settings
    this.#fields = [
      ...(cacheControl === '' ? [] : ([['Cache-Control', cacheControl]] as const)),
      ...(precompressed.length === 0 ? [] : ([['Vary', 'Accept-Encoding']] as const)),
    ]
    // Where it cannot be loaded, the first request says so.
    sendLibrary().catch(() => undefined)
  }

  /** Rejects with a `FileError`, or an error of the system's. */
  async find(request: FileRequest): Promise<Found> {
    const names = namesBelow(request.path, this.#prefix)
    if (names.kind === 'hidden') throw new FileError(MISSING)
    // Each time anew: what `current` points to is another folder after a roll-out.
    const root = await realPathOf(this.#settings.root)
    try {
      if (names.kind === 'none') throw new FileError(MISSING)
      const path = join(root, ...names.names)
      return names.isFolder ? await this.#index(root, path, request) : await this.#file(root, path, request)
    } catch (error) {
      if (codeOf(error) === FOLDER) return { kind: 'folder' }
      const { fallback } = this.#settings
      if (fallback === '' || !isMissing(error)) throw error
      return await this.#file(root, join(root, fallback), request)
    }
  }

  async #index(root: string, path: string, request: FileRequest): Promise<Found> {
    for (const name of this.#settings.index) {
      try {
        return await this.#file(root, join(path, name), request)
      } catch (error) {
        if (!isMissing(error) && codeOf(error) !== FOLDER) throw error
      }
    }
    throw new FileError(MISSING)
  }

  async #file(root: string, path: string, request: FileRequest): Promise<Found> {
    for (let count = 0; count < TRIES_MAX; count += 1) {
      const variant = await this.#open(root, path, request)
      const described = await closingOnError(variant.file, () => describe(variant, request))
      if (described !== null) return { kind: 'file', file: variant.file, described: this.#withFields(described) }
      variant.file.close()
    }
    throw new FileError(RESTLESS)
  }

  /** The file, or the compressed one beside it that the client likes better. */
  async #open(root: string, path: string, { acceptEncoding }: FileRequest): Promise<Variant> {
    const file = await openBelow(root, path)
    return await closingOnError(file, async () => {
      for (const coding of preferredCodings(acceptEncoding, this.#settings.precompressed)) {
        const compressed = await openIfThere(root, path + SUFFIXES[coding])
        if (compressed === null) continue
        file.close()
        return { file: compressed, name: path, coding }
      }
      return { file, name: path, coding: null }
    })
  }

  #withFields(described: Described): Described {
    return described.status >= 400 ? described : { ...described, fields: [...described.fields, ...this.#fields] }
  }
}

async function closingOnError<T>(file: OpenFile, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    file.close()
    throw error
  }
}

/** The one beside it serves as well, unless there is no room for open files at all. */
async function openIfThere(root: string, path: string): Promise<OpenFile | null> {
  try {
    return await openBelow(root, path)
  } catch (error) {
    if (meaningOf(codeOf(error)) === 'files_exhausted') throw error
    return null
  }
}
