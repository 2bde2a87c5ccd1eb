import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import type {
  AnswerFault,
  Gossip,
  MessageValidator,
  PeerHead,
  PeerOffers,
  PeerReader,
  Topic,
} from '../../../src/protocol/ports/network.ts';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { encodeWitnessChunk, splitWitness, witnessChunkDigest } from '../../../src/protocol/sequencer-messages.ts';
import type { Verdict } from '../../../src/protocol/verdict.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import type { ExecutedBlock } from '../../support/executed-chain.ts';
import { testSigner } from '../../support/test-accounts.ts';

interface ServedRecord {
  readonly number: number;
  readonly bytes: Bytes;
}

/** One well-behaved peer that has whatever a test gives it, and a gossip that delivers what a test says. */
export class FakeNetwork implements Gossip, PeerReader {
  readonly published: { readonly topic: Topic; readonly message: Bytes }[] = [];
  readonly witnesses = new Map<number, Bytes>();
  witnessRequests = 0;
  rangeRequests = 0;
  isConnected = true;
  readonly refused: AnswerFault[] = [];
  records: ServedRecord[] = [];
  readonly #validators = new Map<Topic, MessageValidator>();
  #onPublish: () => void = () => {};

  /** Lets the peer serve a block: its records, and its witness. */
  serve(...blocks: readonly ExecutedBlock[]): void {
    for (const block of blocks) {
      for (const [at, bytes] of miniBlockMessages(block).entries()) {
        this.records.push({ number: block.seal.firstNumber + at, bytes });
      }
      this.records.push({ number: block.seal.lastNumber, bytes: sealMessage(block) });
      this.witnesses.set(block.seal.header.number, block.witness);
    }
  }

  refuse(_answer: object, fault: AnswerFault): void {
    this.refused.push(fault);
  }

  deliver(topic: Topic, message: Bytes): Verdict {
    const validator = this.#validators.get(topic);
    if (validator === undefined) throw new StrobeError('NOT_SUBSCRIBED', topic);
    return validator(message);
  }

  publish(topic: Topic, message: Bytes): void {
    this.published.push({ topic, message });
    this.#onPublish();
  }

  subscribe(topic: Topic, validator: MessageValidator): void {
    this.#validators.set(topic, validator);
  }

  /** Resolves when `count` messages have been published, now or later. */
  async whenPublished(count: number): Promise<void> {
    while (this.published.length < count) {
      await new Promise<void>((resolve) => {
        this.#onPublish = resolve;
      });
    }
  }

  async heads(): Promise<readonly PeerHead[]> {
    const number = this.records.reduce((newest, record) => Math.max(newest, record.number), 0);
    return this.isConnected ? [{ epoch: 1, number, digest: ZERO_HASH }] : [];
  }

  async offers(): Promise<readonly PeerOffers[]> {
    return this.isConnected ? [{ peer: 'peer', logFirst: this.records[0]?.number, snapshots: [] }] : [];
  }

  async *range(from: number, limit: number): AsyncIterable<Bytes> {
    this.rangeRequests++;
    const start = this.records.findIndex(({ number }) => number >= from);
    const isPruned = from < (this.records[0]?.number ?? 0);
    if (!this.isConnected || start === -1 || isPruned) throw new StrobeError('NO_PEER_HAS_RANGE', 'nobody', { from });
    let miniBlocks = 0;
    for (const { bytes } of this.records.slice(start)) {
      if (bytes[0] === 1 && ++miniBlocks > limit) return;
      yield bytes;
    }
  }

  async witness(blockNumber: number): Promise<Bytes> {
    this.witnessRequests++;
    const witness = this.isConnected ? this.witnesses.get(blockNumber) : undefined;
    if (witness === undefined) throw new StrobeError('NO_PEER_HAS_WITNESS', 'nobody', { blockNumber });
    return witness;
  }
}

export function miniBlockMessages(block: ExecutedBlock): Bytes[] {
  return block.miniBlocks.map((miniBlock) => encodeSequencerMessage({ kind: 'miniBlock', miniBlock }));
}

export function sealMessage(block: ExecutedBlock): Bytes {
  return encodeSequencerMessage({ kind: 'blockSeal', blockSeal: block.seal });
}

export function chunkMessages(block: ExecutedBlock): Bytes[] {
  const { genesisHash, header } = block.seal;
  const list = { genesisHash, blockNumber: header.number, blockHash: block.hash, chunkHashes: block.chunkHashes };
  const signature = testSigner('sequencer').sign(witnessChunkDigest(list));
  return splitWitness(block.witness).map((data, index) => encodeWitnessChunk({ ...list, index, data, signature }));
}
