/** Writes the JSON Schemas of the configuration and of tests of routes into config/, from the models in src/. */
import { writeFile } from 'node:fs/promises'
import { editorJsonSchema } from '../src/config/editor-schema.ts'
import { routeTestsJsonSchema } from '../src/explain/route-test-schema.ts'

const SCHEMAS = {
  'schema.json': editorJsonSchema(),
  'routes-test.schema.json': routeTestsJsonSchema(),
}

for (const [name, schema] of Object.entries(SCHEMAS)) {
  await writeFile(new URL(`../config/${name}`, import.meta.url), `${JSON.stringify(schema, null, 2)}\n`)
}
