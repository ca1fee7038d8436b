import { describe, expect, it } from 'vitest'
import { NOBODY } from '../../../engine/routing/request.ts'
import { ofRequest } from './request-head.ts'

describe('what conditions ask for', () => {
  it('is read once, however many of them ask', () => {
    ofRequest('/?a=1&a=%32', ['Cookie: b=3', 'X-C: 4', 'X-C: 5'], ({ values }) => {
      expect([values.query('a'), values.cookie('b'), values.header('x-c')]).toEqual([['1', '2'], ['3'], ['4, 5']])
      expect(values.query('a')).toBe(values.query('a'))
      expect(values.cookie('b')).toBe(values.cookie('b'))
      expect(values.header('x-c')).toBe(values.header('x-c'))
    })
  })

  it('is nothing where there is nothing of that name', () => {
    ofRequest('/?&&a', ['Cookie: b; =c'], ({ values }) => {
      expect([values.query('b'), values.query(''), values.cookie('b'), values.header('x')]).toEqual([[], [], [], []])
      expect(['__proto__', 'constructor'].flatMap(name => [values.query(name), values.cookie(name)]).flat()).toEqual([])
      expect([values.query('a'), values.cookie('')]).toEqual([[''], ['c']])
    })
  })

  it('is that of a query field by the name as it reads, and as it is written', () => {
    ofRequest('/?%61=1&a=2&b+c=3&b%20c=4', [], ({ values }) => {
      expect([values.query('a'), values.query('%61')]).toEqual([['1', '2'], ['1']])
      expect([values.query('b c'), values.query('b+c')]).toEqual([['3', '4'], ['3']])
    })
  })

  it('is forgotten with the request', () => {
    ofRequest('/?a=1', ['Cookie: b=3'], request => {
      const before = [request.values.query('a'), request.values.cookie('b'), request.values.header('cookie')]
      request.begin(NOBODY, 'id-2', 0)
      expect([request.values.query('a'), request.values.cookie('b'), request.values.header('cookie')]).toEqual(before)
      expect(request.values.query('a')).not.toBe(before[0])
    })
  })
})
