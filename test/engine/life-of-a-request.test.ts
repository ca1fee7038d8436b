import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../engine/exchange/errors.ts'

const DOCS = new URL('../../docs/', import.meta.url)
const PAGE = readFileSync(new URL('life-of-a-request.md', DOCS), 'utf8')

/** Each step with its text and the files it names. */
const STEPS = PAGE.split(/^## /m)
  .slice(1)
  .map(text => ({ title: text.slice(0, text.indexOf('\n')), text, files: filesOf(text) }))

function filesOf(text: string): string {
  const links = [...text.matchAll(/\]\((\.\.\/engine\/[^)]+\.ts)\)/g)].map(match => match[1]!)
  return links.map(link => readFileSync(new URL(link, DOCS), 'utf8')).join('\n')
}

function quoted(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(match => match[1]!)
}

/** `Class.member`, or a function's name in camel case. */
const NAME = /^(?:[A-Z]\w*\.)?#?[a-z]+(?:[A-Z0-9]\w*)?$|^(?:[A-Z][a-z0-9]+)+$/
const CODE = /^[a-z]+(?:_[a-z]+)+$/

describe('the life of a request', () => {
  it.each(STEPS)('names in "$title" what is in the files of that step', ({ text, files }) => {
    const names = quoted(text).filter(name => NAME.test(name) && (name.includes('.') || /[A-Z]/.test(name)))
    const missing = names.filter(name => {
      const [owner, member] = name.includes('.') ? name.split('.') : [null, name]
      const hasMember = new RegExp(`(?<![\\w#])${member}\\b`).test(files)
      return !hasMember || (owner !== null && !files.includes(owner!))
    })
    expect(missing).toEqual([])
    expect(names.length).toBeGreaterThan(0)
  })

  it('has a way out for every error that there is, and for no other', () => {
    const words = new Set(quoted(PAGE))
    const codes = Object.keys(ERRORS)
    expect(codes.filter(code => !words.has(code))).toEqual([])
    expect([...words].filter(word => CODE.test(word) && !codes.includes(word))).toEqual([])
  })
})
