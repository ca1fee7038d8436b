import { expect, test } from 'vitest'
import { told } from './told.ts'

const BETA = { cookies: { beta: '1' } }
const split = (...targets: unknown[]) => told([{ match: { path: '/s' }, split: targets }])

test('targets with weights, or with conditions beside one that has a weight, are fine', () => {
  expect(split({ upstream: 'api' }, { upstream: 'canary', weight: 5 })).toEqual([])
  expect(split({ upstream: 'api' }, { upstream: 'canary', when: BETA })).toEqual([])
  expect(split({ upstream: 'api' }, { upstream: 'canary', when: BETA, weight: 0 })).toEqual([])
})

test('where no target has a weight, requests that no condition takes have nowhere to go', () => {
  expect(split({ upstream: 'api', weight: 0 }, { upstream: 'canary', when: BETA })).toEqual([
    'routes[0].split split-without-weight',
  ])
})

test('a target without weight and condition is never asked', () => {
  expect(split({ upstream: 'api' }, { upstream: 'canary', weight: 0 })).toEqual([
    'routes[0].split[1].weight split-target-unused',
  ])
})

test('a condition that an earlier target has already is told, in whatever order its keys are', () => {
  const [one, other] = [
    { method: 'GET', headers: { a: '1', b: '2' } },
    { headers: { b: '2', a: '1' }, method: 'GET' },
  ]
  expect(split({ upstream: 'api' }, { upstream: 'canary', when: one }, { upstream: 'api', when: other })).toEqual([
    'routes[0].split[2].when split-when-shadowed',
  ])
})

test('a key to split on needs a split, and two targets to choose from', () => {
  const targets = [{ upstream: 'api' }, { upstream: 'canary', when: BETA }]
  expect(told([{ match: { path: '/s' }, split: targets, split_on: 'client_ip' }])).toEqual([
    'routes[0].split_on split-on-unused',
  ])
  expect(told([{ match: { path: '/s' }, upstream: 'api', split_on: 'client_ip' }])).toEqual([
    'routes[0].split_on no-effect',
  ])
})

test('upstreams of targets exist', () => {
  expect(split({ upstream: 'api' }, { upstream: 'nobody' })).toEqual(['routes[0].split[1].upstream unknown-upstream'])
})
