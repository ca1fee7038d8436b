import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checkFiles } from '../../../../src/config/checks/files.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

function told(root: unknown, folder: string): string[] {
  const codes: string[] = []
  checkFiles({ root }, folder, ['files'], code => codes.push(code))
  return codes
}

test('a root is a folder that is there, beside the configuration where it is relative', async () => {
  await using folder = await temporaryFolder()
  const base = folder.file('')
  mkdirSync(folder.file('public'))
  writeFileSync(folder.file('index.html'), '')
  expect(told('public', base)).toEqual([])
  expect(told(folder.file('public'), '/nonexistent')).toEqual([])
  expect(told('pulbic', base)).toEqual(['files-root-missing'])
  expect(told('index.html', base)).toEqual(['files-root-no-folder'])
  expect(told('index.html/x', base)).toEqual(['files-root-missing'])
  expect(told(7, base)).toEqual([])
})

// To root every folder is readable.
test.skipIf(process.getuid?.() === 0)('a root that may not be read is told', async () => {
  await using folder = await temporaryFolder()
  mkdirSync(folder.file('secret'))
  chmodSync(folder.file('secret'), 0)
  expect(told('secret', folder.file(''))).toEqual(['files-root-missing'])
  chmodSync(folder.file('secret'), 0o700)
})
