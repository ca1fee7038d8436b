import type { Head } from '../http/head.ts'

/** All values of the field, joined as RFC 9110, section 5.3, has it; `null` where there is no line of it. `name` in lower case. */
export function fieldValue(head: Head, name: string): string | null {
  let value: string | null = null
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (!isNamed(head, index, name)) continue
    value = value === null ? head.value(index) : `${value}, ${head.value(index)}`
  }
  return value
}

/** Whether the field line has that name, which is in lower case. No string is made. */
export function isNamed(head: Head, index: number, name: string): boolean {
  const start = head.nameStart(index)
  if (head.nameEnd(index) - start !== name.length) return false
  for (let at = 0; at < name.length; at += 1) {
    const byte = head.byte(start + at)
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (lower !== name.charCodeAt(at)) return false
  }
  return true
}
