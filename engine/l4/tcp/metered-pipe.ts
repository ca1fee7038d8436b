/** A pipe that lets no more than so many bytes per second through, in either direction or both. */
import type { ByteStream } from '../../net/byte-stream.ts'
import type { Connection } from '../../net/connection.ts'
import { Pipe, type PipeParts } from '../../net/pipe.ts'
import type { TcpLimits } from '../../snapshot.ts'
import { Meter, type MeterOwner } from './meter.ts'

export interface MeteredPipeParts extends PipeParts {
  readonly client: Connection
  readonly endpoint: Connection
  /** One of the rates at least is not 0. */
  readonly limits: Pick<TcpLimits, 'uploadRate' | 'downloadRate'>
}

export class MeteredPipe extends Pipe implements MeterOwner {
  readonly #client: Connection
  readonly #endpoint: Connection
  /** `null` where there is no limit. */
  readonly #upload: Meter | null
  readonly #download: Meter | null

  constructor(parts: MeteredPipeParts) {
    super(parts)
    const { client, endpoint, limits } = parts
    this.#client = client
    this.#endpoint = endpoint
    this.#upload = this.#meter(client, limits.uploadRate)
    this.#download = this.#meter(endpoint, limits.downloadRate)
  }

  #meter(reader: Connection, rate: number): Meter | null {
    if (rate === 0) return null
    const meter = new Meter(rate, reader.context.wheel, this, performance.now())
    reader.readAtMost(meter.readBytesMax)
    return meter
  }

  override begin(ahead: Uint8Array | null): void {
    super.begin(ahead)
    if (ahead !== null) this.#take(this.#client, ahead.length)
  }

  override onRead(reader: ByteStream, start: number, end: number): void {
    super.onRead(reader, start, end)
    this.#take(reader, end - start)
  }

  #take(reader: ByteStream, count: number): void {
    const meter = reader === this.#client ? this.#upload : this.#download
    if (meter !== null && !meter.take(count, performance.now())) this.stop(reader)
  }

  protected override get isHeldUp(): boolean {
    return this.#upload?.isEmpty === true || this.#download?.isEmpty === true
  }

  protected override goOn(reader: ByteStream): void {
    const meter = reader === this.#client ? this.#upload : this.#download
    if (meter === null || !meter.isEmpty) super.goOn(reader)
  }

  onMeter(meter: Meter): void {
    const [reader, writer] = meter === this.#upload ? [this.#client, this.#endpoint] : [this.#endpoint, this.#client]
    this.restartClock()
    if (writer.pendingWrites === 0) reader.resume()
  }

  protected override ended(): void {
    this.#upload?.end()
    this.#download?.end()
  }
}
