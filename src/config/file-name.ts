import { accepted, type Parsed, quote, refusalsAs } from './parsed.ts'

/** Names of files and folders that are served. */

const refused = refusalsAs('wrong-file-name')

/** A folder, absolute or relative. */
export function parseFolder(text: string): Parsed<string> {
  if (text === '') return refused('must not be empty', 'write "." for the folder of the configuration')
  if (text.includes('\0')) return refused(`${quote(text)} has a NUL in it`)
  if (text.startsWith('file:'))
    return refused(`${quote(text)} is a URL`, `write ${quote(text.replace(/^file:(\/\/)?/, ''))}`)
  if (text.startsWith('~')) return refused(`${quote(text)} begins with "~", which only a shell puts a folder in for`)
  return accepted(text)
}

/** The name of one file in a folder, such as `index.html`. */
export function parseFileName(text: string): Parsed<string> {
  if (text.includes('/'))
    return refused(`${quote(text)} is a path; the name of a file alone is looked for in each folder`)
  if (text === '' || text === '.' || text === '..' || text.includes('\0'))
    return refused(`${quote(text)} is no file name`)
  return accepted(text)
}

/** A file below the root, such as `index.html` or `errors/404.html`. */
export function parseFileBelow(text: string): Parsed<string> {
  const path = text.replace(/^\//, '')
  if (path === '' || path.endsWith('/')) return refused(`${quote(text)} names no file`)
  if (path.includes('\0') || path.split('/').some(part => part === '' || part === '.' || part === '..')) {
    return refused(`${quote(text)} does not stay below the root, or goes round about`)
  }
  return accepted(path)
}

/** A file that is read: of certificates and the like. */
export function parseFile(text: string): Parsed<string> {
  if (text === '') return refused('must not be empty; it names a file')
  if (text.endsWith('/')) return refused(`${quote(text)} is a folder; it names a file`)
  return parseFolder(text)
}

/** The name of a file in PEM, or the text itself. */
export function parsePemSource(text: string): Parsed<string> {
  const trimmed = text.trimStart()
  if (isPemText(trimmed)) return accepted(trimmed)
  // Not quoted: it may be a key that was cut.
  if (text.includes('\n'))
    return refused('has several lines, but does not begin with "-----BEGIN"', 'name the file instead')
  return parseFile(text)
}

export function isPemText(text: string): boolean {
  return text.startsWith('-----BEGIN')
}
