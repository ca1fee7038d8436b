import { readdirSync, readlinkSync } from 'node:fs'

/** The files below `folder` that this process has open, whichever of its threads has opened them (Linux). */
export function openDescriptors(folder: string): string[] {
  return readdirSync('/proc/self/fd')
    .map(target)
    .filter(path => path.startsWith(folder))
}

/** Empty for a descriptor that was closed meanwhile: the one of this very look, for one. */
function target(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return ''
  }
}
