import { type Filled, fillInTls } from '../certificates/fill-in.ts'
import type { TlsFiles } from '../certificates/tls-files.ts'
import { compileSnapshot } from './compile.ts'
import { compileTlsFiles } from './compile-tls.ts'
import type { ConfigurationModel } from './schema.ts'

export interface CompiledWithFiles extends Filled {
  /** What was put into the snapshot from files, and where it stands. */
  readonly tls: TlsFiles
}

/** The model with what its files of certificates have in them, which are looked for at `filesFolder`. */
export function compileWithFiles(model: ConfigurationModel, folder: string, filesFolder = folder): CompiledWithFiles {
  const tls = compileTlsFiles(model, filesFolder)
  return { tls, ...fillInTls(compileSnapshot(model, 1, folder), tls) }
}
