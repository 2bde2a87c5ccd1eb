import { type Attestation, attestationDigest } from '../../src/protocol/attestation.ts';
import { encodeAttestationRecord } from '../../src/protocol/attestation-record.ts';
import type { ChainIdentity } from '../../src/protocol/genesis.ts';
import { encodeSequencerMessage } from '../../src/protocol/log-record.ts';
import { MINI_BLOCK_VERSION, type MiniBlock, signMiniBlock, type UnsignedMiniBlock } from '../../src/protocol/mini-block.ts';
import { heartbeatDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { type Bytes, EMPTY_BYTES } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { testSigner } from './test-accounts.ts';

const stranger = testSigner('stranger');
/** Chains begin with epoch 1. */
const PAST_EPOCH = 0;
const SOME_HASH = new Uint8Array(32).fill(7);

/** Well-formed messages of a chain under a key that means nothing on it; each number gives another one. */
export class Forgeries {
  readonly #identity: ChainIdentity;
  #stale: MiniBlock | undefined;

  constructor(identity: ChainIdentity) {
    this.#identity = identity;
  }

  #miniBlock(epoch: number, seed: number, payload: Bytes): MiniBlock {
    const { genesisHash, chainId } = this.#identity;
    const digests = { transactionsDigest: SOME_HASH, receiptsDigest: SOME_HASH, stateDiffDigest: SOME_HASH };
    const unsigned: UnsignedMiniBlock = {
      ...{ version: MINI_BLOCK_VERSION, genesisHash, chainId, epoch, number: 1, parentDigest: SOME_HASH },
      ...{ blockNumber: 1, index: 1, timestampUs: 1_000 + seed, env: undefined, ...digests },
      ...{ diffPayloadDigest: keccak256(payload), bodyPayloadDigest: keccak256(EMPTY_BYTES) },
    };
    return { ...signMiniBlock(unsigned, stranger), diffPayload: payload, bodyPayload: EMPTY_BYTES };
  }

  /**
   * A mini-block of an epoch that is over. It is ignored for that before anyone looks at its signature, which is the
   * same in all of them: a thousand cost next to nothing.
   */
  staleMiniBlock(seed: number): Bytes {
    this.#stale ??= this.#miniBlock(PAST_EPOCH, 0, Uint8Array.of(1));
    const { envelope } = this.#stale;
    return encodeSequencerMessage({
      kind: 'miniBlock',
      miniBlock: { ...this.#stale, envelope: { ...envelope, timestampUs: 1_000 + seed } },
    });
  }

  /** The same with a payload of so many bytes. */
  largeMiniBlock(seed: number, bytes: number): Bytes {
    return encodeSequencerMessage({ kind: 'miniBlock', miniBlock: this.#miniBlock(PAST_EPOCH, seed, new Uint8Array(bytes)) });
  }

  /** Of the time that it is, so that only its signature is wrong. */
  heartbeat(seed: number): Bytes {
    const { genesisHash } = this.#identity;
    const unsigned = { genesisHash, epoch: 1, number: 1 + seed, digest: SOME_HASH, timestampUs: Date.now() * 1_000 };
    return encodeSequencerMessage({
      kind: 'heartbeat',
      heartbeat: withSignature(unsigned, heartbeatDigest(unsigned), stranger),
    });
  }

  attestation(blockNumber: number): Attestation {
    const hashes = { blockHash: SOME_HASH, preStateRoot: SOME_HASH, postStateRoot: SOME_HASH, stateDiffDigest: SOME_HASH };
    const unsigned = {
      ...{ proofType: 1, blockNumber, ...hashes },
      ...{ receiptsRoot: SOME_HASH, lastMiniBlockDigest: SOME_HASH, success: true },
    };
    return { ...unsigned, signature: stranger.sign(attestationDigest(unsigned, this.#identity)) };
  }

  /** Records as a range answer has them, each good to look at. */
  records(): Bytes[] {
    const miniBlock = this.#miniBlock(1, 1, Uint8Array.of(1));
    return [encodeSequencerMessage({ kind: 'miniBlock', miniBlock }), encodeAttestationRecord(this.attestation(1))];
  }
}
