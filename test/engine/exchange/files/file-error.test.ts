import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../../../engine/exchange/errors.ts'
import { codeOf, FileError, isMissing, MISSING, meaningOf } from '../../../../engine/exchange/files/file-error.ts'

const systemError = (code: string) => Object.assign(new Error(code), { code })

describe('what stands in the way of a file', () => {
  it.each([
    ['ENOENT', 404],
    ['ENOTDIR', 404],
    ['ENAMETOOLONG', 404],
    ['ELOOP', 404],
    ['ENXIO', 404],
    ['EACCES', 403],
    ['EPERM', 403],
    ['EMFILE', 503],
    ['ENFILE', 503],
    ['EBUSY', 503],
    ['EIO', 500],
    ['ESTALE', 500],
  ])('is told by the status: %s', (code, status) => {
    expect(ERRORS[meaningOf(code)].status).toBe(status)
    expect(isMissing(systemError(code))).toBe(status === 404)
  })

  it('has a code, unless it is a defect of ours', () => {
    expect(codeOf(systemError('EIO'))).toBe('EIO')
    expect(codeOf(new FileError(MISSING))).toBe('ENOENT')
    expect(codeOf(new TypeError('x is not a function'))).toBe('')
    expect(codeOf(systemError('ERR_INVALID_ARG_TYPE'))).toBe('')
    expect(codeOf('EIO')).toBe('')
  })
})
