/** The methods that llhttp knows, each at the place of its number there; others are 501. Holes are methods of RTSP. */
const METHODS: readonly string[] = [
  'DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REBIND',
  'UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK UNLINK',
  'SOURCE',
].flatMap(line => line.split(' '))

const QUERY = 46

/** The other way round; empty for a number that is none of theirs. */
export function methodName(number: number): string {
  return number === QUERY ? 'QUERY' : (METHODS[number] ?? '')
}

/** llhttp's number of a method; -1 for one that it does not know. */
export function methodNumber(method: string): number {
  return method === 'QUERY' ? QUERY : METHODS.indexOf(method)
}
