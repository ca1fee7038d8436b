import { lstatSync, readlinkSync, type Stats } from 'node:fs'
import { join, resolve, sep } from 'node:path'

/** How a path leads to its file: what can happen on the way that makes it another. */
export interface Way {
  /**
   * The folder that holds the file, those that hold a link on the way, and the file where it is a folder itself. In place
   * of one that is not there: the nearest one that is.
   */
  readonly folders: readonly string[]
  /** Symbolic links on the way. */
  readonly links: readonly string[]
}

/** Of one path; past it, it is taken for a circle, as the system does (path_resolution(7)). */
const LINKS_MAX = 40

/** Follows an absolute path link by link. */
export function wayTo(path: string): Way {
  const folders: string[] = []
  const links: string[] = []
  let steps = stepsOf(path)
  let at: string = sep
  while (steps.length > 0) {
    const [step, ...rest] = steps as [string, ...string[]]
    const next = join(at, step)
    const stats = lstatOf(next)
    const isLink = stats?.isSymbolicLink() === true && links.length < LINKS_MAX
    if (stats === undefined || isLink || rest.length === 0) folders.push(at)
    const target = isLink ? targetOf(next) : null
    if (stats === undefined || (isLink && target === null)) return { folders, links }
    if (target === null) {
      at = next
      steps = rest
    } else {
      links.push(next)
      steps = [...stepsOf(resolve(at, target)), ...rest]
      at = sep
    }
  }
  if (lstatOf(at)?.isDirectory()) folders.push(at)
  return { folders, links }
}

function stepsOf(path: string): string[] {
  return path.split(sep).filter(step => step !== '')
}

function lstatOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    // Not a folder on the way, or closed to us.
    return undefined
  }
}

function targetOf(link: string): string | null {
  try {
    return readlinkSync(link)
  } catch {
    // Gone meanwhile.
    return null
  }
}
