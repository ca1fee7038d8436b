const wires = new Map<string, Buffer>()

/** Application protocols as ALPN writes them (RFC 7301, section 3.1): each behind its length. */
export function alpnWire(protocols: readonly string[]): Buffer {
  const key = protocols.join(' ')
  let wire = wires.get(key)
  if (wire === undefined) {
    wire = Buffer.concat(
      protocols.map(name => Buffer.concat([Buffer.from([name.length]), Buffer.from(name, 'latin1')])),
    )
    wires.set(key, wire)
  }
  return wire
}
