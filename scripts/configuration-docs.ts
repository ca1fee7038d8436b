/** Writes docs/configuration.md from the schema of the configuration and from scripts/configuration-docs.md. */
import { writeFile } from 'node:fs/promises'
import { configurationReference } from './configuration-reference.ts'

await writeFile(new URL('../docs/configuration.md', import.meta.url), configurationReference())
