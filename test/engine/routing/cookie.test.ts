import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cookieValue } from '../../../engine/routing/cookie.ts'
import { ofRequest } from './request-head.ts'

const valueIn = (name: string, ...fields: string[]) => ofRequest('/', fields, ({ head }) => cookieValue(head, name))

describe('the value of a cookie', () => {
  it.each([
    ['alone', ['Cookie: sid=abc'], 'abc'],
    ['among others', ['Cookie: a=1; sid=abc; b=2'], 'abc'],
    ['without spaces', ['Cookie: a=1;sid=abc;b=2'], 'abc'],
    ['with too many', ['Cookie:   a=1 ;  sid = abc  ; b=2'], 'abc'],
    ['in quotes', ['Cookie: sid="abc"'], 'abc'],
    ['with equals signs in it', ['Cookie: sid=YWJj=='], 'YWJj=='],
    ['in a line of its own', ['Cookie: a=1', 'X-Other: sid=no', 'COOKIE: sid=abc'], 'abc'],
    ['the first of two', ['Cookie: sid=abc; sid=def', 'Cookie: sid=ghi'], 'abc'],
    ['beside longer and shorter names', ['Cookie: xsid=1; sid2=2; si=3; sid=abc'], 'abc'],
    ['empty', ['Cookie: sid=; a=1'], ''],
    ['missing', ['Cookie: a=1'], ''],
    ['without cookies', [], ''],
    ['a name alone', ['Cookie: sid; a=1'], ''],
    ['of another case', ['Cookie: SID=abc'], ''],
    ['in a field of equal length', ['Cookif: sid=abc'], ''],
    ['one quote', ['Cookie: sid="'], '"'],
  ])('is found: %s', (_, fields, value) => {
    expect(valueIn('sid', ...fields)).toBe(value)
  })

  it('is found whatever stands beside it', () => {
    const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9a-z-]{1,12}$/)
    const octets = fc.stringMatching(/^[!#-+.-:<-[\]-~-]{0,20}$/)
    const others = fc.array(fc.tuple(token, octets), { maxLength: 20 })
    fc.assert(
      fc.property(token, octets, others, fc.nat(), (name, value, beside, at) => {
        const pairs = beside.filter(([other]) => other !== name).map(([other, its]) => `${other}=${its}`)
        pairs.splice(at % (pairs.length + 1), 0, `${name}=${value}`)
        expect(valueIn(name, `Cookie: ${pairs.join('; ')}`)).toBe(value)
      }),
    )
  })
})
