import type { PeerHead, PeerSource } from '../../../src/protocol/ports/network.ts';
import type { Hash } from '../../../src/protocol/primitives.ts';
import { type Bytes, fromHex } from '../../../src/util/bytes.ts';
import { EPOCH } from './stream-builder.ts';
import type { StreamReader, StreamRecord } from './stream-file.ts';

/** What peers may know already: the messages that were published, for replicas that missed some. */
export class PublishedChain implements PeerSource {
  readonly #reader: StreamReader;
  readonly #published: StreamRecord[] = [];
  #head: PeerHead;
  /** Records that peers fetched because gossip did not bring them. */
  served = 0;

  constructor(reader: StreamReader, genesisHash: Hash) {
    this.#reader = reader;
    this.#head = { epoch: EPOCH, number: 0, digest: genesisHash };
  }

  add(record: StreamRecord): void {
    this.#published.push(record);
    if (record.digest !== undefined) this.#head = { epoch: EPOCH, number: record.number, digest: fromHex(record.digest) };
  }

  head(): PeerHead {
    return this.#head;
  }

  async *range(from: number, limit: number): AsyncIterable<Bytes> {
    let miniBlocks = 0;
    for (let at = this.#firstAt(from); at < this.#published.length; at++) {
      const record = this.#published[at] as StreamRecord;
      if (record.kind === 'miniBlock' && ++miniBlocks > limit) return;
      this.served++;
      yield this.#reader.read(record);
    }
  }

  /** Nobody executed anything: there are none. */
  async witness(): Promise<undefined> {
    return undefined;
  }

  #firstAt(from: number): number {
    let low = 0;
    let high = this.#published.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#published[middle] as StreamRecord).number < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
