/**
 * What has to be undone however the command ends: children ended, folders removed. All of it is synchronous, so that it can
 * run when the process exits, by itself or by Ctrl-C.
 */
const left = new Set<() => void>()
let installed = false

/** Runs `undo` at the end, or when the function that comes back is called. Once in any case. */
export function atEnd(undo: () => void): () => void {
  install()
  const entry = (): void => {
    if (left.delete(entry)) undo()
  }
  left.add(entry)
  return entry
}

function install(): void {
  if (installed) return
  installed = true
  process.once('exit', () => {
    // The last one made may need those before it.
    for (const undo of [...left].toReversed()) undo()
  })
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  process.once('SIGHUP', () => process.exit(129))
}
