import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { abortBehaviours } from './behaviours/aborts.ts'
import { actionBehaviours } from './behaviours/actions.ts'
import { attemptBehaviours } from './behaviours/attempts.ts'
import { contentBehaviours } from './behaviours/content.ts'
import { lifecycleBehaviours } from './behaviours/lifecycle.ts'
import { requestBehaviours } from './behaviours/requests.ts'
import { responseBehaviours } from './behaviours/responses.ts'
import { timeoutBehaviours } from './behaviours/timeouts.ts'
import { type Combination, openScene, type Scene } from './scene.ts'

const NAMES = { h1: 'HTTP/1.1', h2: 'HTTP/2' } as const

/** The scene of a combination, at rest after each test. */
function sceneOf(combination: Combination): () => Scene {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene(combination)
  })
  afterEach(() => scene.rest())
  afterAll(() => scene?.[Symbol.asyncDispose]())
  return () => scene
}

/** Everything that an exchange does, whichever version either side speaks: the same tests for all four combinations. */
export function describeCombination(combination: Combination): void {
  describe(`from ${NAMES[combination.client]} to ${NAMES[combination.origin]}`, () => {
    const scene = sceneOf(combination)
    requestBehaviours(scene)
    responseBehaviours(scene)
    contentBehaviours(scene)
    abortBehaviours(scene)
    timeoutBehaviours(scene, combination)
    attemptBehaviours(scene)
    actionBehaviours(scene)
    describe('its beginning and end', () => lifecycleBehaviours(scene))
  })
}

/** What depends on how bytes go to and fro, with both sides over TLS. */
export function describeOverTls(combination: Combination): void {
  describe(`from ${NAMES[combination.client]} to ${NAMES[combination.origin]}, both over TLS`, () => {
    const scene = sceneOf({ ...combination, isSecure: true })
    contentBehaviours(scene)
    abortBehaviours(scene)
    timeoutBehaviours(scene, combination)
  })
}
