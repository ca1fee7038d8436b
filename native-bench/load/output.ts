import type { Program } from '../frame/stage.ts'

/** What a program prints, once it has ended. Throws, with what it said, where it failed. */
export function outputOf(program: Program): Promise<string> {
  const { child } = program
  let output = ''
  let errors = ''
  child.stdout?.setEncoding('utf8').on('data', chunk => (output += chunk))
  child.stderr?.setEncoding('utf8').on('data', chunk => (errors += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => {
      program.kill()
      if (code === 0) resolve(output)
      else reject(new Error((errors + output).trim() || `${child.spawnargs[0]} ended with code ${code}`))
    })
  })
}
