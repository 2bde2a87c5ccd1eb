import type { Hash } from '../protocol/primitives.ts';
import { bytesEqual, toHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { quantity } from '../util/quantity.ts';
import { countProvers } from './attestation-json.ts';
import { type HashedHeader, readHeader } from './block-header-json.ts';
import type { Trust } from './options.ts';
import { verificationFailed } from './verification-error.ts';

/** Asks the node. */
export type NodeRequest = (method: string, params: readonly unknown[]) => Promise<unknown>;

/** Attested headers that are remembered: about 1 KB each. */
const MAX_HEADERS = 128;

/**
 * Headers that enough provers attested. What the node says of them is believed no further than the provers' signatures
 * reach.
 */
export class AttestedHeaders {
  readonly #trust: Trust;
  /** By block hash, the oldest first. */
  readonly #known = new Map<string, HashedHeader>();
  #head: { readonly block: HashedHeader; readonly askedMs: number } | undefined;
  #asking: Promise<HashedHeader> | undefined;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  /**
   * The newest attested block that the node knows; at most `refreshMs` old knowledge.
   * @throws StrobeError NOT_ATTESTED, VERIFICATION_FAILED
   */
  async head(request: NodeRequest): Promise<HashedHeader> {
    if (this.#head !== undefined && this.#trust.nowMs() - this.#head.askedMs < this.#trust.refreshMs) return this.#head.block;
    return this.refresh(request);
  }

  /** As {@link AttestedHeaders.head}, asked now. */
  refresh(request: NodeRequest): Promise<HashedHeader> {
    this.#asking ??= this.#askHead(request).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askHead(request: NodeRequest): Promise<HashedHeader> {
    const askedMs = this.#trust.nowMs();
    const block = await this.#attested(readBlock(await request('eth_getBlockByNumber', ['safe', false]), 'safe'), request);
    const newest = this.#newer(block);
    this.#assertFresh(newest, askedMs);
    this.#head = { block: newest, askedMs };
    return newest;
  }

  /** Never goes back: a node that is behind, or hides what happened since, is not followed to where it is. */
  #newer(block: HashedHeader): HashedHeader {
    const seen = this.#head?.block;
    if (seen === undefined || block.header.number > seen.header.number) return block;
    if (block.header.number < seen.header.number || bytesEqual(block.hash, seen.hash)) return seen;
    throw verificationFailed('conflicting block', 'it shows another attested block of a number that was seen before', {
      number: block.header.number,
      hash: toHex(block.hash),
      seenHash: toHex(seen.hash),
    });
  }

  #assertFresh({ header: { number, timestamp } }: HashedHeader, nowMs: number): void {
    const ageSeconds = Math.floor(nowMs / 1_000) - timestamp;
    const { maxAgeSeconds } = this.#trust;
    if (ageSeconds <= maxAgeSeconds) return;
    throw new StrobeError(
      'NOT_ATTESTED',
      `the newest attested block that the node shows is ${ageSeconds} s old: provers stand still, or the node hides newer ones`,
      { check: 'age', number, ageSeconds, maxAgeSeconds },
    );
  }

  /** @throws StrobeError NOT_ATTESTED, VERIFICATION_FAILED */
  async byNumber(number: number, request: NodeRequest): Promise<HashedHeader> {
    const block = readBlock(await request('eth_getBlockByNumber', [quantity(number), false]), quantity(number));
    if (block.header.number !== number) {
      throw verificationFailed('block number', `block ${number} was asked for and block ${block.header.number} is the answer`);
    }
    return this.#attested(block, request);
  }

  /** @throws StrobeError NOT_ATTESTED, VERIFICATION_FAILED */
  async byHash(hash: Hash, request: NodeRequest): Promise<HashedHeader> {
    const known = this.#known.get(toKey(hash));
    if (known !== undefined) return known;
    const block = readBlock(await request('eth_getBlockByHash', [toHex(hash), false]), toHex(hash));
    if (!bytesEqual(block.hash, hash)) {
      const meta = { asked: toHex(hash), computed: toHex(block.hash) };
      throw verificationFailed('block hash', 'the header does not have the hash that was asked for', meta);
    }
    return this.#attested(block, request);
  }

  async #attested(block: HashedHeader, request: NodeRequest): Promise<HashedHeader> {
    const { genesisHash, threshold } = this.#trust;
    const name = toKey(block.hash);
    if (this.#known.has(name)) return block;
    // Block 0 is what the client was given; nobody has to attest it.
    if (block.header.number > 0 || !bytesEqual(block.hash, genesisHash)) {
      const answer = await request('strobe_attestations', [toHex(block.hash)]);
      const { provers, given } = countProvers(answer ?? [], block, this.#trust);
      if (provers.size < threshold) {
        throw new StrobeError(
          'NOT_ATTESTED',
          `${provers.size} of the ${threshold} provers that are needed attested block ${block.header.number}`,
          {
            check: 'attestations',
            number: block.header.number,
            hash: toHex(block.hash),
            counted: provers.size,
            given,
            threshold,
          },
        );
      }
    }
    this.#known.set(name, block);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_HEADERS) break;
      this.#known.delete(oldest);
    }
    return block;
  }
}

function readBlock(answer: unknown, asked: string): HashedHeader {
  if (answer === null) {
    throw new StrobeError('NOT_ATTESTED', `the node does not know block ${asked}`, { check: 'block', asked });
  }
  return readHeader(answer);
}
