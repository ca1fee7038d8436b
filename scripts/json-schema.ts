/** Writes config/schema.json, the JSON Schema of the configuration, from the model in src/config. */
import { writeFile } from 'node:fs/promises'
import { configurationJsonSchema } from '../src/config/json-schema.ts'

const target = new URL('../config/schema.json', import.meta.url)
await writeFile(target, `${JSON.stringify(configurationJsonSchema(), null, 2)}\n`)
