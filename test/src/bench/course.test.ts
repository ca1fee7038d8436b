import { expect, test } from 'vitest'
import { HISTOGRAM_BUCKETS } from '../../../engine/shared/histogram.ts'
import { Course } from '../../../src/bench/course.ts'

test.each([1, 399, 400, 401, 1001, 5000])(
  'a course of %i looks adds up to the run, in a bounded number of slices',
  looks => {
    const course = new Course()
    const buckets = new Float64Array(HISTOGRAM_BUCKETS)
    for (let look = 1; look <= looks; look += 1) {
      course.look(look * 250, { isMeasuring: true, answered: look * 10, non2xx: 0, failed: look, buckets })
    }
    const points = course.points()
    expect(points.length).toBeLessThanOrEqual(400)
    expect(points.at(-1)?.atMs).toBe(looks * 250)
    expect(points.reduce((sum, point) => sum + point.answered, 0)).toBe(looks * 10)
    expect(points.reduce((sum, point) => sum + point.failed, 0)).toBe(looks)
  },
)
