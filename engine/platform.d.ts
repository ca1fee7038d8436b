// What Node has and its published types leave out, as far as the engine uses it.

interface Buffer {
  /** Octets `start` to `end` as Latin-1. */
  latin1Slice(start: number, end: number): string
  /** Writes the low octet of each character; gives the count. */
  latin1Write(text: string, offset: number): number
}

declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array)
  }
  interface Memory {
    readonly buffer: ArrayBuffer
  }
  class Instance {
    readonly exports: unknown
    constructor(module: Module, imports: Record<string, Record<string, unknown>>)
  }
}
