import { chmodSync, writeFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { commandPath, missingPackages, TEST_PACKAGES } from '../../scripts/system-packages.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'

let folder: TemporaryFolder
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await folder[Symbol.asyncDispose]()
})

describe('a package of the system', () => {
  it('is there when its command is on the path and may be run', () => {
    vi.stubEnv('PATH', [folder.path, process.env.PATH].join(delimiter))
    const needed = [{ command: 'sluice-test-command', package: 'sluice-test' }]
    expect(missingPackages(needed)).toEqual(needed)
    writeFileSync(folder.file('sluice-test-command'), '')
    expect(missingPackages(needed)).toEqual(needed)
    chmodSync(folder.file('sluice-test-command'), 0o755)
    expect(missingPackages(needed)).toEqual([])
    expect(commandPath('sluice-test-command')).toBe(folder.file('sluice-test-command'))
  })

  it('is there when its file is, where it has no command', () => {
    const needed = [{ file: folder.file('module.so'), package: 'sluice-test' }]
    expect(missingPackages(needed)).toEqual(needed)
    writeFileSync(folder.file('module.so'), '')
    expect(missingPackages(needed)).toEqual([])
  })

  it('is found in the folders of the system, whatever the path', () => {
    vi.stubEnv('PATH', '/usr/bin')
    expect(commandPath('nginx')).toMatch(/\/nginx$/)
    expect(commandPath('initdb')).toMatch(/\/initdb$/)
    expect(missingPackages(TEST_PACKAGES)).toEqual([])
  })
})
