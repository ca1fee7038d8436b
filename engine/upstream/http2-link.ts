/** Our end of a connection of HTTP/2 to an origin, which opens no streams. */

import { PROTOCOL_ERROR } from '../http2/protocol.ts'
import {
  ENABLE_PUSH,
  HEADER_TABLE_SIZE,
  INITIAL_WINDOW_SIZE,
  MAX_FRAME_SIZE,
  MAX_HEADER_LIST_SIZE,
} from '../http2/settings.ts'
import { Http2Connection } from '../multiplex/http2-connection.ts'
import type { Http2Stream, Http2StreamOwner } from '../multiplex/http2-stream.ts'
import type { Http2Terms } from '../multiplex/http2-terms.ts'
import type { Connection } from '../net/connection.ts'

/** Whose connection it is. */
export interface LinkOwner {
  /** SETTINGS of the peer have come. */
  onSettings(): void
  /** The peer takes no more streams. */
  onPeerGoaway(): void
  onStreamClosed(): void
  /** It has had no stream for as long as it may. True where it is wanted all the same, for as long again. */
  onIdle(): boolean
  /** The PING was answered; `onActivity` follows. */
  onPong(): void
  /** Something has come. */
  onActivity(): void
  /** It is closed: `error` says why, and is empty where we closed it in peace. */
  onLinkClosed(error: string): void
}

export class Http2Link extends Http2Connection {
  readonly #owner: LinkOwner
  /** A stream was opened on it, whatever has become of that. */
  hasHadStreams = false

  constructor(owner: LinkOwner, connection: Connection, terms: Http2Terms) {
    super(connection, terms, false)
    this.#owner = owner
  }

  protected override ownSettings(): readonly (readonly [id: number, value: number])[] {
    const { headerTableBytes, streamWindowBytes, frameBytesMax, headBytesMax } = this.settings
    return [
      [HEADER_TABLE_SIZE, headerTableBytes],
      [ENABLE_PUSH, 0],
      [INITIAL_WINDOW_SIZE, streamWindowBytes],
      [MAX_FRAME_SIZE, frameBytesMax],
      [MAX_HEADER_LIST_SIZE, headBytesMax],
    ]
  }

  override openStream(owner: Http2StreamOwner): Http2Stream | null {
    const stream = super.openStream(owner)
    if (stream !== null) this.hasHadStreams = true
    return stream
  }

  /** A server opens streams by PUSH_PROMISE only, which we have said not to want. */
  protected override onNewStream(): number {
    return PROTOCOL_ERROR
  }

  protected override onPeerSettings(): void {
    this.#owner.onSettings()
  }

  protected override onPeerGoaway(): void {
    this.#owner.onPeerGoaway()
  }

  protected override onStreamClosed(): void {
    this.#owner.onStreamClosed()
  }

  protected override onIdle(): void {
    if (this.#owner.onIdle()) this.becameIdle()
  }

  protected override onPong(): void {
    this.#owner.onPong()
  }

  protected override onReadDone(): void {
    this.#owner.onActivity()
  }

  /** Nothing more is to be had of the peer. */
  giveUp(error: string): void {
    this.connection.reset()
    this.onClose(this.connection, error)
  }

  protected override onEnded(error: string): void {
    this.#owner.onLinkClosed(error)
  }
}
