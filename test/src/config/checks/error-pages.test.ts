import { expect, test } from 'vitest'
import { told } from './told.ts'

const page = (status: unknown, intercept = false) => ({ status, intercept, respond: {} })
const onTop = (...pages: unknown[]) => told([], { error_pages: pages })
const onRoute = (...pages: unknown[]) => told([{ match: { path: '/x' }, upstream: 'api', error_pages: pages }])

test('a page behind others that have all of its statuses is told', () => {
  expect(onTop(page('500-599'), page([502, 503]))).toEqual(['error_pages[1].status error-page-shadowed'])
  expect(onTop(page(502), page(503), page('502-503'))).toEqual(['error_pages[2].status error-page-shadowed'])
  expect(onTop(page('502-503'), page('500-599'))).toEqual([])
})

test('a page that takes responses of the upstream too stands behind one that does not', () => {
  expect(onTop(page(502), page(502, true))).toEqual([])
  expect(onTop(page(502, true), page(502))).toEqual(['error_pages[1].status error-page-shadowed'])
})

test('a status that the proxy never has by itself is told, unless responses of the upstream are meant', () => {
  expect(onTop(page([404, 418]))).toEqual(['error_pages[0].status error-page-never'])
  expect(onTop(page(418, true))).toEqual([])
  expect(onTop(page('400-599'))).toEqual([])
})

test('on a route a status that comes before any route is told', () => {
  expect(onRoute(page(404))).toEqual(['routes[0].error_pages[0].status error-page-never'])
  expect(onRoute(page([502, '503-504']))).toEqual([])
  const files = { match: { path: '/f/*' }, files: { root: '.' } }
  expect(told([{ ...files, error_pages: [page(404)] }])).toEqual([])
  expect(told([{ ...files, error_pages: [page(502)] }])).toEqual(['routes[0].error_pages[0].status error-page-never'])
})

test('a page without content has none', () => {
  expect(onTop({ status: 404, respond: { status: 204, body: 'x' } })).toEqual(['error_pages[0].respond.body no-effect'])
})
