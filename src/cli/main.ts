#!/usr/bin/env node
import { dirname } from 'node:path'

/** Older versions fail somewhere in the middle, with an error about syntax or sockets that helps nobody. */
const NODE_MAJOR_MIN = 24

if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  process.stderr.write(`sluice needs Node.js ${NODE_MAJOR_MIN} or newer; this is ${process.version}\n`)
  process.exitCode = 1
} else {
  // Types are stripped and code is compiled at every start, in every thread, unless what was made is kept. The variable
  // is how threads learn where.
  const { enableCompileCache } = await import('node:module')
  const { directory } = enableCompileCache()
  if (directory !== undefined) process.env.NODE_COMPILE_CACHE ??= dirname(directory)
  const { runCommandLine } = await import('./program.ts')
  await runCommandLine(process.argv)
}
