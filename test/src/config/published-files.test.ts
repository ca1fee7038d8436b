import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfiguration } from '../../../src/config/load.ts'

const folder = join(import.meta.dirname, '../../../config')
const files = readdirSync(folder).filter(name => name.endsWith('.yaml') && !name.endsWith('.test.yaml'))

test.each(files)('config/%s is accepted as it is', async file => {
  await expect(loadConfiguration(join(folder, file))).resolves.toMatchObject({ snapshot: { generation: 1 } })
})
