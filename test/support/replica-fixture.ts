import {
  type Attestation,
  attestationDigest,
  encodeAttestation,
  type UnsignedAttestation,
} from '../../src/protocol/attestation.ts';
import { encodeAttestationRecord } from '../../src/protocol/attestation-record.ts';
import { type BlockHeader, hashHeader } from '../../src/protocol/block-header.ts';
import type { ChainIdentity, Genesis } from '../../src/protocol/genesis.ts';
import { encodeSequencerMessage } from '../../src/protocol/log-record.ts';
import { encodeMiniBlock, type MiniBlock, signMiniBlock, type UnsignedMiniBlock } from '../../src/protocol/mini-block.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import {
  type BlockSeal,
  blockSealDigest,
  encodeWitnessChunk,
  type Heartbeat,
  heartbeatDigest,
  splitWitness,
  withSignature,
  witnessChunkDigest,
} from '../../src/protocol/sequencer-messages.ts';
import type { Signer } from '../../src/protocol/signing.ts';
import { encodeStateDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import type { WitnessKey } from '../../src/protocol/witness.ts';
import { BlockRoots } from '../../src/state/block-roots.ts';
import { type Bytes, toKey } from '../../src/util/bytes.ts';
import { type BuiltMiniBlock, ChainBuilder } from './chain-builder.ts';
import { type TestTransaction, testSigner } from './test-accounts.ts';

/** A sealed block with everything that the sequencer and provers publish about it. */
export interface FixtureBlock {
  readonly seal: BlockSeal;
  readonly hash: Hash;
  readonly bytes: Bytes;
  readonly witness: Bytes;
  /** Encoded gossip messages. */
  readonly witnessChunks: readonly Bytes[];
  readonly preStateRoot: Hash;
}

/**
 * The sequencer's side of a replica test: a chain whose seals carry true registry digests and witnesses, and whose
 * records stand in log order. Two of them built by the same steps have the same bytes, so a fork is built by repeating.
 */
export class ReplicaFixture {
  readonly builder = new ChainBuilder();
  readonly genesis: Genesis;
  readonly identity: ChainIdentity;
  readonly provers = [0, 1, 2].map((i) => testSigner(`prover ${i}`));
  /** What a peer serves: log records with attestations behind the seals. */
  readonly records: Bytes[] = [];
  readonly miniBlocks: Bytes[] = [];
  readonly blocks: FixtureBlock[] = [];
  readonly #roots = new BlockRoots();
  readonly #touched = new Map<string, { address: Bytes; slots: Map<string, Hash> }>();

  constructor() {
    this.genesis = { ...this.builder.genesis, provers: this.provers.map(({ address }) => address), threshold: 2 };
    this.identity = { chainId: this.genesis.chainId, genesisHash: this.builder.genesisHash, forkId: this.genesis.forkId };
    this.#roots.load(encodeStateDiff(this.genesis.allocation));
    this.#roots.ready();
    this.startEpoch();
  }

  get sequencer(): Signer {
    return this.builder.sequencer;
  }

  /** Bytes of an EpochStart behind the newest mini-block. */
  startEpoch(): Bytes {
    const { bytes } = this.builder.startEpoch().record;
    this.records.push(bytes);
    return bytes;
  }

  /** A mini-block with `transfers` transfers of `value` wei. */
  miniBlock(transfers = 1, value = 1n): BuiltMiniBlock {
    return this.include(Array.from({ length: transfers }, (_, i) => this.builder.transfer(i, value)));
  }

  /** A mini-block with these transactions. */
  include(specs: readonly TestTransaction[]): BuiltMiniBlock {
    const built = this.builder.miniBlock(specs);
    this.#roots.append({ miniBlockBytes: encodeMiniBlock(built.miniBlock), diffBytes: encodeStateDiff(built.diff) });
    this.#touch(built.diff);
    this.records.push(built.record.bytes);
    this.miniBlocks.push(built.record.bytes);
    return built;
  }

  #touch(diff: StateDiff): void {
    for (const { address, slots } of diff.accounts) {
      const touched = this.#touched.get(toKey(address)) ?? { address, slots: new Map<string, Hash>() };
      for (const { key } of slots ?? []) touched.slots.set(toKey(key), key);
      this.#touched.set(toKey(address), touched);
    }
  }

  seal(): FixtureBlock {
    const preStateRoot = (this.builder.blocks.at(-1)?.seal.header ?? this.builder.genesisHeader).stateRoot;
    const { seal } = this.builder.seal();
    const keys: WitnessKey[] = [...this.#touched.values()].map(({ address, slots }) => ({ address, slots: [...slots.values()] }));
    this.#touched.clear();
    const { witness, witnessDigest, chunkHashes } = this.#roots.seal({ keys, codes: [], headers: [] });
    const signed = this.resignSeal(seal, { witnessDigest, witnessBytes: witness.length });
    const hash = hashHeader(seal.header);
    const list = { genesisHash: this.identity.genesisHash, blockNumber: seal.header.number, blockHash: hash, chunkHashes };
    const signature = this.sequencer.sign(witnessChunkDigest(list));
    const witnessChunks = splitWitness(witness).map((data, index) => encodeWitnessChunk({ ...list, index, data, signature }));
    const block = { ...signed, hash, witness, witnessChunks, preStateRoot };
    this.records.push(block.bytes);
    this.blocks.push(block);
    return block;
  }

  /** A sealed block of `miniBlocks` mini-blocks. */
  block(miniBlocks = 2, transfers = 1): FixtureBlock {
    for (let i = 0; i < miniBlocks; i++) this.miniBlock(transfers);
    return this.seal();
  }

  /** The seal with other contents under a good signature. */
  resignSeal(
    seal: BlockSeal,
    changes: Partial<Omit<BlockSeal, 'header'>> & { header?: Partial<BlockHeader> },
    signer = this.sequencer,
  ): { seal: BlockSeal; bytes: Bytes } {
    const changed = { ...seal, ...changes, header: { ...seal.header, ...changes.header } };
    const signed = withSignature(changed, blockSealDigest(changed), signer);
    return { seal: signed, bytes: encodeSequencerMessage({ kind: 'blockSeal', blockSeal: signed }) };
  }

  /** The mini-block with other contents under a good signature. */
  resign(
    miniBlock: MiniBlock,
    changes: Partial<UnsignedMiniBlock>,
    payloads: Partial<MiniBlock> = {},
    signer = this.sequencer,
  ): Bytes {
    const { envelope, digest } = signMiniBlock({ ...miniBlock.envelope, ...changes }, signer);
    return encodeSequencerMessage({ kind: 'miniBlock', miniBlock: { ...miniBlock, ...payloads, envelope, digest } });
  }

  heartbeat(changes: Partial<Heartbeat> = {}, signer = this.sequencer): Bytes {
    const { number, digest } = this.builder.tip;
    const unsigned = {
      genesisHash: this.identity.genesisHash,
      epoch: this.epoch,
      number,
      digest,
      timestampUs: this.nowUs(),
      ...changes,
    };
    return encodeSequencerMessage({ kind: 'heartbeat', heartbeat: withSignature(unsigned, heartbeatDigest(unsigned), signer) });
  }

  /** The epoch that new messages are signed for: the builder starts at 1 and the constructor opens the next. */
  get epoch(): number {
    return this.records.filter((record) => record[0] === 2).length + 1;
  }

  /** The sequencer's clock: behind the newest mini-block. */
  nowUs(): number {
    const header = this.builder.blocks.at(-1)?.seal.header ?? this.builder.genesisHeader;
    return (header.timestamp + 2) * 1_000_000;
  }

  attestation(block: FixtureBlock, prover: number, changes: Partial<UnsignedAttestation> = {}): Attestation {
    const signer = this.provers[prover] as Signer;
    const unsigned: UnsignedAttestation = {
      proofType: 1,
      blockNumber: block.seal.header.number,
      blockHash: block.hash,
      preStateRoot: block.preStateRoot,
      postStateRoot: block.seal.header.stateRoot,
      stateDiffDigest: block.seal.stateDiffDigest,
      receiptsRoot: block.seal.header.receiptsRoot,
      lastMiniBlockDigest: block.seal.lastDigest,
      success: true,
      ...changes,
    };
    return { ...unsigned, signature: signer.sign(attestationDigest(unsigned, this.identity)) };
  }

  /** Attestations of provers 0 and 1 as gossip messages; they are served to peers from now on too. */
  attest(block: FixtureBlock): Bytes[] {
    const attestations = [0, 1].map((prover) => this.attestation(block, prover));
    const at = this.records.indexOf(block.bytes) + 1;
    this.records.splice(at, 0, ...attestations.map(encodeAttestationRecord));
    return attestations.map(encodeAttestation);
  }
}
