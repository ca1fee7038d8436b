/** Words of HTTP that several parts of a snapshot use. */

/** A field line that the proxy adds: name and value as they go on the wire, already checked. */
export type FieldLine = readonly [name: string, value: string]

/** A range of statuses, both ends in it. */
export type StatusRange = readonly [first: number, last: number]

/** What `hash` and `maglev` spread by. */
export type HashKeySource =
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string }
  | { readonly kind: 'client_ip' | 'path' }
