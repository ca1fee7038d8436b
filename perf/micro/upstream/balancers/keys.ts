/** What clients send, as keys to spread by: addresses, session cookies, paths. */

/** Enough that no branch knows them by heart. */
const KEYS = 1021

function mixed(index: number): number {
  return Math.imul(index + 1, 0x9e3779b1) >>> 0
}

export const ipv4: readonly string[] = Array.from({ length: KEYS }, (_, index) => {
  const bits = mixed(index)
  return `${bits >>> 24 || 1}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`
})

export const ipv6: readonly string[] = Array.from({ length: KEYS }, (_, index) => {
  const bits = mixed(index)
  return `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}::${index.toString(16)}`
})

export const cookies: readonly string[] = Array.from({ length: KEYS }, (_, index) =>
  mixed(index).toString(16).padStart(8, '0').repeat(4),
)

export const paths: readonly string[] = Array.from(
  { length: KEYS },
  (_, index) => `/catalogue/${index % 37}/articles/${mixed(index)}/images/large.webp`,
)
