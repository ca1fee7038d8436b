import { OTHER_FIELD } from '../../http/field-names.ts'
import { mediaType } from '../../http/grpc-kind.ts'
import type { Head } from '../../http/head.ts'
import { isNamed } from '../../routing/field.ts'

/** The media type of the content, in lower case and without parameters; empty for none. @hotpath */
export function contentTypeOf(head: Head): string {
  for (let index = 0; index < head.fieldCount; index += 1) {
    if (head.ids[index] === OTHER_FIELD && isNamed(head, index, 'content-type')) return mediaType(head.value(index))
  }
  return ''
}
