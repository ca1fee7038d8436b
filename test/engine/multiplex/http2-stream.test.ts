import { describe, expect, it } from 'vitest'
import type { Http2Connection } from '../../../engine/multiplex/http2-connection.ts'
import {
  CLOSED,
  HALF_CLOSED_LOCAL,
  HALF_CLOSED_REMOTE,
  Http2Stream,
  type Http2StreamOwner,
  IDLE,
  OPEN,
} from '../../../engine/multiplex/http2-stream.ts'

const STATES = [IDLE, OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED]

/** RFC 9113, section 5.1, without the states of pushed streams. */
const LAWFUL: ReadonlySet<string> = new Set([
  `${IDLE} ${OPEN}`,
  `${IDLE} ${CLOSED}`,
  `${OPEN} ${HALF_CLOSED_LOCAL}`,
  `${OPEN} ${HALF_CLOSED_REMOTE}`,
  `${OPEN} ${CLOSED}`,
  `${HALF_CLOSED_LOCAL} ${CLOSED}`,
  `${HALF_CLOSED_REMOTE} ${CLOSED}`,
])

/** Nobody is asked anything by a change of state. */
const nobody = {} as Http2StreamOwner & Http2Connection

describe('the states of a stream', () => {
  it('follow each other as they may, and no other way', () => {
    for (const from of STATES) {
      for (const to of STATES) {
        const stream = new Http2Stream(nobody, nobody, 1, 0, 0)
        stream.state = from
        if (LAWFUL.has(`${from} ${to}`)) {
          stream.setState(to)
          expect(stream.state).toBe(to)
        } else {
          expect(() => stream.setState(to)).toThrow(`from state ${from} to ${to}`)
        }
      }
    }
  })

  it('say when the message of the peer is whole', () => {
    const stream = new Http2Stream(nobody, nobody, 1, 0, 0)
    const whole = STATES.filter(state => {
      stream.state = state
      return stream.receivedAll
    })
    expect(whole).toEqual([HALF_CLOSED_REMOTE, CLOSED])
  })
})
