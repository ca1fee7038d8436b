import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocateLogRing, droppedLines, LogRingReader, LogRingWriter } from '../../../src/telemetry/log-ring.ts'

function openRing(capacity = 64) {
  const memory = allocateLogRing(capacity)
  return { memory, writer: new LogRingWriter(memory), reader: new LogRingReader(memory) }
}

function readAll(reader: LogRingReader, room = reader.capacityBytes): string {
  const target = Buffer.alloc(room)
  return target.toString('utf8', 0, reader.read(target, 0))
}

/** Both positions `bytes` further on, without anything to read. */
function advance(memory: SharedArrayBuffer, bytes: number): void {
  const header = new Int32Array(memory)
  header[0] = bytes | 0
  header[16] = bytes | 0
}

describe('the log ring', () => {
  it('gives back the lines that were written, in their order', () => {
    const { writer, reader } = openRing()
    expect(writer.writeAscii('one\n')).toBe(true)
    expect(writer.write('two\n')).toBe(true)
    expect(readAll(reader)).toBe('one\ntwo\n')
    expect(readAll(reader)).toBe('')
  })

  it('takes a line of exactly the room there is, and drops and counts one that is a byte longer', () => {
    const { memory, writer, reader } = openRing()
    expect(writer.writeAscii(`${'x'.repeat(63)}\n`)).toBe(true)
    expect(writer.usedBytes).toBe(64)
    expect(writer.writeAscii('\n')).toBe(false)
    expect(droppedLines(memory)).toBe(1)
    expect(reader.dropped).toBe(1)
    expect(readAll(reader)).toBe(`${'x'.repeat(63)}\n`)
    expect(writer.writeAscii('\n')).toBe(true)
  })

  it('drops a line that is longer than the ring, and goes on', () => {
    const { memory, writer, reader } = openRing()
    expect(writer.writeAscii(`${'x'.repeat(64)}\n`)).toBe(false)
    expect(writer.write(`${'€'.repeat(30)}\n`)).toBe(false)
    expect(writer.write(`${'x'.repeat(5_000_000)}\n`)).toBe(false)
    expect(droppedLines(memory)).toBe(3)
    expect(writer.write('short\n')).toBe(true)
    expect(readAll(reader)).toBe('short\n')
  })

  it('keeps a line whole that crosses the end, wherever the end cuts it', () => {
    for (let start = 0; start < 64; start++) {
      for (const line of ['{"msg":"plain"}\n', '{"msg":"é€😀"}\n']) {
        const { memory, reader } = openRing()
        advance(memory, start)
        const writer = new LogRingWriter(memory)
        expect(writer.write(line)).toBe(true)
        expect(readAll(reader)).toBe(line)
      }
    }
  })

  it('goes on when the positions pass 2^31 and 2^32', () => {
    for (const start of [2 ** 31 - 10, 2 ** 32 - 10]) {
      const { memory, reader } = openRing()
      advance(memory, start)
      const writer = new LogRingWriter(memory)
      for (let round = 0; round < 5; round++) {
        expect(writer.write(`line ${round}, 21 bytes\n`)).toBe(true)
        expect(writer.usedBytes).toBe(17)
        expect(readAll(reader)).toBe(`line ${round}, 21 bytes\n`)
        expect(reader.availableBytes).toBe(0)
      }
    }
  })

  it('writes UTF-8, with a replacement character for a lone surrogate', () => {
    const { writer, reader } = openRing()
    writer.write('é€😀\ud800!\n')
    expect(readAll(reader)).toBe('é€😀\ufffd!\n')
  })

  it('moves only whole lines into a target that is too small for all', () => {
    const { writer, reader } = openRing()
    writer.write('first\n')
    writer.write('second\n')
    expect(readAll(reader, 5)).toBe('')
    expect(readAll(reader, 12)).toBe('first\n')
    expect(readAll(reader, 7)).toBe('second\n')
  })

  it('reads into the target from the offset on', () => {
    const { writer, reader } = openRing()
    writer.write('a\n')
    const target = Buffer.from('.......')
    expect(reader.read(target, 3)).toBe(2)
    expect(target.toString()).toBe('...a\n..')
  })

  it('shows nothing of a line whose writer died within it, and lets the next writer go on', () => {
    const { memory, writer, reader } = openRing()
    writer.write('whole\n')
    // The bytes of a line that was never published.
    new Uint8Array(memory, 192 + 6, 10).fill(0x78)
    const successor = new LogRingWriter(memory)
    expect(successor.usedBytes).toBe(6)
    successor.write('next\n')
    expect(readAll(reader)).toBe('whole\nnext\n')
  })

  it('keeps the count of drops across writers and readers', () => {
    const { memory, writer } = openRing()
    writer.writeAscii('x'.repeat(65))
    new LogRingWriter(memory).writeAscii('x'.repeat(65))
    expect(new LogRingReader(memory).dropped).toBe(2)
  })

  it('refuses a capacity that is no power of two', () => {
    expect(() => allocateLogRing(100)).toThrow('power of two')
    expect(() => allocateLogRing(32)).toThrow(RangeError)
  })

  it('never loses, mixes or reorders: what was taken comes out, what was not is counted', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), text: fc.string({ unit: 'binary', maxLength: 60 }) }),
      fc.record({ kind: fc.constant('read' as const), room: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ kind: fc.constant('replaceWriter' as const) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (steps, start) => {
        const memory = allocateLogRing(256)
        advance(memory, start)
        const reader = new LogRingReader(memory)
        let writer = new LogRingWriter(memory)
        let dropped = 0
        let expected = ''
        let actual = ''
        for (const action of steps) {
          if (action.kind === 'replaceWriter') writer = new LogRingWriter(memory)
          else if (action.kind === 'read') actual += readAll(reader, action.room)
          else {
            const line = `${action.text.replaceAll('\n', ' ')}\n`
            const fits = Buffer.byteLength(line) <= 256 - reader.availableBytes
            expect(writer.write(line)).toBe(fits)
            if (fits) expected += line
            else dropped++
          }
        }
        actual += readAll(reader)
        expect(actual).toBe(Buffer.from(expected).toString())
        expect(droppedLines(memory)).toBe(dropped)
      }),
      { numRuns: 500 },
    )
  })
})
