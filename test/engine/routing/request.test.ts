import { describe, expect, it } from 'vitest'
import { RequestFacts } from '../../../engine/http/request-facts.ts'
import { RoutedRequest } from '../../../engine/routing/request.ts'
import { DEFAULT_POLICY } from '../../integration/routing/path-corpus.ts'
import { ofHead, ofRequest } from './request-head.ts'

function read(target: string) {
  return ofRequest(target, [], request => {
    expect(request.readPath(DEFAULT_POLICY)).toBe(true)
    const { path, pathDiffers, writtenPath, query, pathBytes, pathStart, pathEnd } = request
    const bytes = Buffer.from(pathBytes.subarray(pathStart, pathEnd)).toString('latin1')
    expect(bytes).toBe(path)
    return { path, pathDiffers, writtenPath, query, target: request.target }
  })
}

describe('the path of a request', () => {
  it.each([
    ['/', '/', ''],
    ['/a/b?c?d', '/a/b', 'c?d'],
    ['/a?', '/a', ''],
    ['/.a', '/.a', ''],
    ['/a;b', '/a;b', ''],
    ['/%C3', '/%C3', ''],
  ])('%s is as it is written', (target, path, query) => {
    expect(read(target)).toEqual({ path, pathDiffers: false, writtenPath: path, query, target })
  })

  it.each([
    ['/a//b?c', '/a/b', '/a//b', 'c'],
    ['/%61?%61', '/a', '/%61', '%61'],
    ['/%c3', '/%C3', '/%c3', ''],
    ['/a/..', '/', '/a/..', ''],
  ])('%s differs from what is written', (target, path, writtenPath, query) => {
    expect(read(target)).toEqual({ path, pathDiffers: true, writtenPath, query, target })
  })

  it.each([
    ['http://b', '', '', ''],
    ['http://b?c', '', 'c', '?c'],
    ['http://b/', '/', '', '/'],
  ])('of %s is / and no other', (target, writtenPath, query, origin) => {
    expect(read(target)).toEqual({ path: '/', pathDiffers: false, writtenPath, query, target: origin })
  })

  it('is not there where the policy refuses it', () => {
    expect(ofRequest('/a/../..', [], request => request.readPath(DEFAULT_POLICY))).toBe(false)
  })

  it('is known to a request that goes on with what was found out, from a head of its own', () => {
    const texts = ofRequest('/%61/b?c', ['X: 1'], request => {
      request.readPath(DEFAULT_POLICY)
      request.captor = { captures: path => ({ all: path }) }
      const kept = new RoutedRequest(
        request.head.copy(),
        Object.assign(new RequestFacts(), request.facts),
        request.source,
      )
      kept.continue(request)
      request.begin(request.source, 'other', 1)
      request.readPath(DEFAULT_POLICY)
      const { path, pathDiffers, captures, requestId, startedAtMs, query, pathBytes, pathStart, pathEnd } = kept
      const bytes = Buffer.from(pathBytes.subarray(pathStart, pathEnd)).toString('latin1')
      return { path, pathDiffers, captures, requestId, startedAtMs, query, bytes, field: kept.field('x') }
    })
    expect(texts).toEqual({
      path: '/a/b',
      pathDiffers: true,
      captures: { all: '/a/b' },
      requestId: 'id-1',
      startedAtMs: 0,
      query: 'c',
      bytes: '/a/b',
      field: '1',
    })
  })
})

describe('what a path has caught', () => {
  it('is worked out once, when it is asked for, and forgotten with the request', () => {
    const asked: string[] = []
    const captures = ofRequest('/a', [], request => {
      request.readPath(DEFAULT_POLICY)
      request.captor = {
        captures: path => {
          asked.push(path)
          return { x: path }
        },
      }
      const both = [request.captures, request.captures]
      request.begin(request.source, '', 0)
      return [...both, request.captures]
    })
    expect(captures).toEqual([{ x: '/a' }, { x: '/a' }, null])
    expect(asked).toEqual(['/a'])
  })
})

describe('the host of a request', () => {
  it.each([
    ['a.example', 'a.example'],
    ['A.Example:80', 'a.example'],
    ['a.example.', 'a.example'],
    ['a.example.:80', 'a.example'],
    ['a_b', 'a_b'],
    ['[::A]:80', '[::a]'],
    ['[::1]', '[::1]'],
    ['1.2.3.4:', '1.2.3.4'],
  ])('%s is %s', (field, host) => {
    expect(ofHead(['GET / HTTP/1.1', `Host: ${field}`], request => request.host)).toBe(host)
  })

  it('is empty where there is none', () => {
    expect(ofHead(['GET / HTTP/1.0'], request => request.host)).toBe('')
  })
})
