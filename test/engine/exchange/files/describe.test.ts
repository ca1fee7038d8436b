import { utimes, writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { type Conditions, describe as describeFile, type Variant } from '../../../../engine/exchange/files/describe.ts'
import { openBelow } from '../../../../engine/exchange/files/open-file.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const NONE: Conditions = {
  isHead: false,
  ifMatch: null,
  ifNoneMatch: null,
  ifModifiedSince: null,
  ifUnmodifiedSince: null,
  ifRange: null,
  range: null,
}

const folder = await temporaryFolder()
afterAll(() => folder[Symbol.asyncDispose]())
const MODIFIED = new Date('2024-05-06T07:08:09.500Z')
const LAST_MODIFIED = 'Mon, 06 May 2024 07:08:09 GMT'
const BEFORE = 'Mon, 06 May 2024 07:08:08 GMT'
const AFTER = 'Mon, 06 May 2024 07:08:10 GMT'
const PATH = folder.file('letters.txt')
await writeFile(PATH, 'abcdefghij')
await utimes(PATH, MODIFIED, MODIFIED)
await writeFile(folder.file('empty'), '')

async function variantOf(path = PATH, more: Partial<Variant> = {}): Promise<Variant> {
  return { file: await openBelow(folder.path, path), name: path, coding: null, ...more }
}

async function described(conditions: Partial<Conditions>, more: Partial<Variant> = {}, path = PATH) {
  const variant = await variantOf(path, more)
  const found = await describeFile(variant, { ...NONE, ...conditions })
  variant.file.close()
  if (found === null) throw new Error('the file has changed')
  const { fields, ...rest } = found
  return { ...rest, fields: Object.fromEntries(fields) as Record<string, string> }
}

const { fields } = await described({})
const TAG = fields.ETag ?? ''

describe('the head of a file', () => {
  it('says what it is, how long, and which version', async () => {
    expect(await described({})).toEqual({
      status: 200,
      start: 0,
      length: 10,
      fields: {
        ETag: `"a-${MODIFIED.getTime().toString(16)}"`,
        'Last-Modified': LAST_MODIFIED,
        'Accept-Ranges': 'bytes',
        'Content-Type': 'text/plain; charset=utf-8',
      },
    })
  })

  it.each([
    ['page.html', 'text/html; charset=utf-8'],
    ['app.mjs', 'application/javascript; charset=utf-8'],
    ['a.css', 'text/css; charset=utf-8'],
    ['data.json', 'application/json; charset=utf-8'],
    ['image.svg', 'image/svg+xml'],
    ['PHOTO.JPG', 'image/jpeg'],
    ['font.woff2', 'font/woff2'],
    ['module.wasm', 'application/wasm'],
    ['unknown.kind', 'application/octet-stream'],
    ['LICENSE', 'application/octet-stream'],
  ])('says the type by the name that was asked for: %s', async (name, type) => {
    expect((await described({}, { name: `/srv/www/${name}` })).fields['Content-Type']).toBe(type)
  })

  it('has a tag of its own for each coding, and the type of what is compressed', async () => {
    const { fields } = await described({}, { coding: 'gzip', name: 'x.css' })
    expect(fields.ETag).toBe(TAG.replace(/"$/, '-gzip"'))
    expect(fields).toMatchObject({ 'Content-Encoding': 'gzip', 'Content-Type': 'text/css; charset=utf-8' })
  })

  it('is none where another file lies at the path now', async () => {
    const path = folder.file('restless')
    await writeFile(path, 'old')
    const variant = await variantOf(path)
    await writeFile(path, 'newer')
    expect(await describeFile(variant, NONE)).toBe(null)
    variant.file.close()
  })
})

describe('conditions', () => {
  const NOT_MODIFIED = { status: 304, start: 0, length: 0, fields: { ETag: TAG, 'Last-Modified': LAST_MODIFIED } }
  const FAILED = { status: 412, start: 0, length: 0, fields: {} }

  it.each<[string, Partial<Conditions>]>([
    ['its tag', { ifNoneMatch: TAG }],
    ['its tag, weak', { ifNoneMatch: `W/${TAG}` }],
    ['its tag among others', { ifNoneMatch: `"x", ${TAG} , "y"` }],
    ['any tag', { ifNoneMatch: '*' }],
    ['its time', { ifModifiedSince: LAST_MODIFIED }],
    ['a later time', { ifModifiedSince: AFTER }],
    ['its tag, whatever the time says', { ifNoneMatch: TAG, ifModifiedSince: BEFORE }],
    ['its tag, whatever range is asked for', { ifNoneMatch: TAG, range: 'bytes=0-1' }],
    ['a match that holds, then its tag', { ifMatch: TAG, ifNoneMatch: TAG }],
    ['its tag, of HEAD', { ifNoneMatch: TAG, isHead: true }],
  ])('that ask for another version get 304: %s', async (_, conditions) => {
    expect(await described(conditions)).toEqual(NOT_MODIFIED)
  })

  it.each<[string, Partial<Conditions>]>([
    ['another tag', { ifNoneMatch: '"x"' }],
    ['another tag, whatever the time says', { ifNoneMatch: '"x"', ifModifiedSince: AFTER }],
    ['an earlier time', { ifModifiedSince: BEFORE }],
    ['no time at all', { ifModifiedSince: 'yesterday' }],
    ['its tag wanted', { ifMatch: TAG }],
    ['any version wanted', { ifMatch: '*' }],
    ['its tag wanted, whatever the time says', { ifMatch: TAG, ifUnmodifiedSince: BEFORE }],
    ['its time wanted', { ifUnmodifiedSince: LAST_MODIFIED.replace(':09 ', ':10 ') }],
    ['a time wanted that is none', { ifUnmodifiedSince: 'tomorrow' }],
  ])('that hold for it get it: %s', async (_, conditions) => {
    expect(await described(conditions)).toMatchObject({ status: 200, length: 10 })
  })

  it.each<[string, Partial<Conditions>]>([
    ['another tag', { ifMatch: '"x"' }],
    ['its tag, weak: that is no promise byte for byte', { ifMatch: `W/${TAG}` }],
    ['an earlier time', { ifUnmodifiedSince: BEFORE }],
    ['another tag, before a tag that it is not to have', { ifMatch: '"x"', ifNoneMatch: TAG }],
  ])('that do not get 412: %s', async (_, conditions) => {
    expect(await described(conditions)).toEqual(FAILED)
  })

  it('know the tag of a coding from that of another', async () => {
    expect((await described({ ifNoneMatch: TAG }, { coding: 'br' })).status).toBe(200)
    expect((await described({ ifNoneMatch: TAG.replace(/"$/, '-br"') }, { coding: 'br' })).status).toBe(304)
    expect((await described({ ifNoneMatch: TAG.replace(/"$/, '-br"') }, { coding: 'gzip' })).status).toBe(200)
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=0-0', 'bytes 0-0/10', 0, 1],
    ['bytes=2-4', 'bytes 2-4/10', 2, 3],
    ['bytes=7-', 'bytes 7-9/10', 7, 3],
    ['bytes=7-99', 'bytes 7-9/10', 7, 3],
    ['bytes=-3', 'bytes 7-9/10', 7, 3],
    ['bytes=-10', 'bytes 0-9/10', 0, 10],
    ['bytes=-11', 'bytes 0-9/10', 0, 10],
  ])('are parts of it: %s', async (range, contentRange, start, length) => {
    const found = await described({ range })
    expect(found).toMatchObject({ status: 206, start, length })
    expect(found.fields['Content-Range']).toBe(contentRange)
  })

  it.each([
    'bytes=10-',
    'bytes=99-100',
    'bytes=-0',
    'bytes=5-2',
    'bytes=a-b',
    'bytes=0x1-2',
    'bytes=1-2x',
    'bytes=1.5-2',
  ])('behind its end get 416: %s', async range => {
    expect(await described({ range })).toEqual({
      status: 416,
      start: 0,
      length: 0,
      fields: { 'Content-Range': 'bytes */10' },
    })
  })

  it.each(['bytes=0-1,4-5', 'lines=1-2', '0-1'])(
    'that are several, or of another unit, get all of it: %s',
    async range => {
      expect(await described({ range })).toMatchObject({ status: 200, start: 0, length: 10 })
    },
  )

  it('are of no use with HEAD', async () => {
    expect(await described({ range: 'bytes=2-4', isHead: true })).toMatchObject({ status: 200, length: 10 })
  })

  it.each([
    ['its tag', TAG, 206],
    ['its time', LAST_MODIFIED, 206],
    ['another tag', '"x"', 200],
    ['its tag, weak', `W/${TAG}`, 200],
    ['an earlier time', BEFORE, 200],
    ['a later time: whoever says that has something else', AFTER, 200],
    ['what is neither', 'x', 200],
  ])('hold for the version that If-Range names only: %s', async (_, ifRange, status) => {
    expect((await described({ range: 'bytes=2-4', ifRange })).status).toBe(status)
  })

  it('of an empty file are behind its end', async () => {
    const path = folder.file('empty')
    expect((await described({ range: 'bytes=0-' }, {}, path)).status).toBe(416)
    expect(await described({}, {}, path)).toMatchObject({ status: 200, length: 0 })
  })
})
