/** What origins answer with, by path. */
export interface OriginContent {
  readonly path: string
  readonly bytes: number
}

export const SMALL: OriginContent = { path: '/', bytes: 100 }
export const MIDDLE: OriginContent = { path: '/16k', bytes: 16 * 1024 }
export const LARGE: OriginContent = { path: '/1m', bytes: 1024 * 1024 }

export const CONTENTS: readonly OriginContent[] = [SMALL, MIDDLE, LARGE]

/** Digits, over and over: what is missing, doubled or out of place shows. */
export function contentOf({ bytes }: OriginContent): Buffer {
  return Buffer.alloc(bytes, '0123456789')
}
