import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as names from '../../../engine/http/field-names.ts'

const { identifyField, matchesLowerCase, OTHER_FIELD } = names

/** The constants are called as the fields are, in capitals. */
const KNOWN = Object.entries(names)
  .filter(([constant, id]) => typeof id === 'number' && constant !== 'OTHER_FIELD')
  .map(([constant, id]) => ({ name: constant.toLowerCase().replaceAll('_', '-'), id: id as number }))

function identify(text: string): number {
  return identifyField(Buffer.from(`..${text}..`, 'latin1'), 2, 2 + text.length)
}

describe('the identifier of a field name', () => {
  it.each(KNOWN)('is that of $name in any case', ({ name, id }) => {
    const capitalized = name.replace(/(^|-)[a-z]/g, letter => letter.toUpperCase())
    expect([name, name.toUpperCase(), capitalized].map(identify)).toEqual([id, id, id])
  })

  it('is one bit of an integer, and one field each', () => {
    const ids = KNOWN.map(({ id }) => id)
    expect(new Set(ids).size).toBe(KNOWN.length)
    expect(Math.min(...ids)).toBeGreaterThan(OTHER_FIELD)
    expect(Math.max(...ids)).toBeLessThan(31)
  })

  it.each(KNOWN)('is not that of $name when it is longer, shorter or spelt otherwise', ({ name }) => {
    const shorter = KNOWN.some(other => other.name === name.slice(0, -1))
    expect(identify(`${name}s`)).toBe(OTHER_FIELD)
    expect(identify(`x${name}`)).toBe(OTHER_FIELD)
    if (!shorter) expect(identify(name.slice(0, -1))).toBe(OTHER_FIELD)
    for (let at = 0; at < name.length; at += 1) {
      const letter = name[at] === 'z' ? 'y' : 'z'
      expect(identify(name.slice(0, at) + letter + name.slice(at + 1))).toBe(OTHER_FIELD)
    }
  })

  it('tells underscores from hyphens: X_Forwarded_For is another field', () => {
    expect(
      KNOWN.filter(({ name }) => name.includes('-') && identify(name.replaceAll('-', '_')) !== OTHER_FIELD),
    ).toEqual([])
  })

  it('is that of no known field for any other token', () => {
    const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,40}$/)
    fc.assert(
      fc.property(token, text => {
        const known = KNOWN.find(({ name }) => name === text.toLowerCase())
        expect(identify(text)).toBe(known?.id ?? OTHER_FIELD)
      }),
    )
  })
})

describe('matching a token in any case', () => {
  it('is as comparing in lower case, for every two characters that a token may have', () => {
    const tokenBytes = [..."!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"]
    const lowerCase = tokenBytes.filter(character => character === character.toLowerCase())
    // Only letters, digits and hyphens are ever looked for.
    const wanted = lowerCase.filter(character => /[a-z0-9-]/.test(character))
    for (const one of tokenBytes) {
      for (const other of wanted) {
        const isSame = one.toLowerCase() === other
        expect(matchesLowerCase(Buffer.from(one), 0, Buffer.from(other))).toBe(isSame)
      }
    }
  })
})
