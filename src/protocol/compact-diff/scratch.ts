import type { Bytes } from '../../util/bytes.ts';

/**
 * Working memory of one step, used over and over: encoding and decoding run to the end without yielding, so one of each
 * per thread is enough. Fresh arrays for every message would make the collector stop the thread for 30 ms each second
 * or two. It grows with the largest message, which is bounded.
 *
 * What it hands out holds anything, and is valid until it is asked again.
 */
export class Scratch {
  #buffer = new ArrayBuffer(0);

  bytes(length: number): Bytes {
    return new Uint8Array(this.#reserve(length), 0, length);
  }

  uint32(length: number): Uint32Array {
    return new Uint32Array(this.#reserve(length * 4), 0, length);
  }

  int32(length: number): Int32Array {
    return new Int32Array(this.#reserve(length * 4), 0, length);
  }

  bigUint64(length: number): BigUint64Array {
    return new BigUint64Array(this.#reserve(length * 8), 0, length);
  }

  float64(length: number): Float64Array {
    return new Float64Array(this.#reserve(length * 8), 0, length);
  }

  #reserve(byteLength: number): ArrayBuffer {
    if (this.#buffer.byteLength < byteLength) this.#buffer = new ArrayBuffer(Math.max(byteLength, this.#buffer.byteLength * 2));
    return this.#buffer;
  }
}
