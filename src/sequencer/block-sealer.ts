import type { BlockHeader } from '../protocol/block-header.ts';
import { hashHeader } from '../protocol/block-header.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import type { Block } from '../protocol/ports/chain.ts';
import type { StateAccess } from '../protocol/ports/state.ts';
import type { Hash } from '../protocol/primitives.ts';
import {
  type BlockSeal,
  blockSealDigest,
  encodeWitnessChunk,
  splitWitness,
  withSignature,
  witnessChunkDigest,
} from '../protocol/sequencer-messages.ts';
import type { WitnessKey } from '../protocol/witness.ts';
import type { SealedRoots, SealedWitness } from '../state/block-roots.ts';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';

type SealerModules = Pick<
  SequencerModules,
  'signer' | 'world' | 'committed' | 'roots' | 'chainState' | 'chain' | 'log' | 'gossip' | 'witnesses' | 'recentHeaders'
>;

/** The header of a block whose seal is on its way. */
export interface SealedHeader {
  readonly header: BlockHeader;
  readonly hash: Hash;
}

export interface SealedBlock {
  readonly seal: BlockSeal;
  readonly stored: Promise<Block>;
}

export interface PendingSeal {
  /** Resolves as soon as the next block can be executed on it; BLOCKHASH knows it from then on. */
  readonly parent: Promise<SealedHeader>;
  /** Resolves when the seal is durable and the block visible; its `stored` follows when the database has it. */
  readonly done: Promise<SealedBlock>;
}

interface SealParts {
  readonly header: BlockHeader;
  /** Digest of the block's net diff. */
  readonly diffDigest: Hash;
  readonly built: SealedWitness;
  readonly epoch: number;
}

/**
 * Turns the open block into a sealed one: roots, header, witness, signed seal (PROTOCOL sections 5 and 9). The header
 * needs only the roots, so the next block is executed while the rest becomes durable; it is committed behind it.
 */
export class BlockSealer {
  readonly #options: Pick<SequencerOptions, 'identity'>;
  readonly #modules: SealerModules;

  constructor(options: Pick<SequencerOptions, 'identity'>, modules: SealerModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** All mini-blocks of the block are committed, and none of the next is until `done`. */
  seal(epoch: number): PendingSeal {
    const { world, roots, recentHeaders } = this.#modules;
    const access = world.takeAccess();
    const sealedRoots = roots.roots();
    const witness = roots.seal({
      keys: witnessKeys(access),
      codes: this.#codes(access),
      headers: recentHeaders.takeAncestors(),
    });
    const parent = sealedRoots.then((found) => this.#header(found));
    const done = parent.then((sealed) => this.#publish(sealed, witness, epoch));
    // Whoever awaits them fails; a rejection before that is not unhandled.
    for (const promise of [done, witness]) promise.catch(() => {});
    return { parent, done };
  }

  #header(sealed: SealedRoots): SealedHeader {
    const { chainState, recentHeaders } = this.#modules;
    const open = chainState.openBlock();
    invariant(open !== undefined, 'a block is open when it is sealed');
    const { env } = open;
    const header: BlockHeader = {
      parentHash: env.parentHash,
      coinbase: env.coinbase,
      stateRoot: sealed.stateRoot,
      transactionsRoot: sealed.transactionsRoot,
      receiptsRoot: sealed.receiptsRoot,
      logsBloom: sealed.logsBloom,
      number: env.number,
      gasLimit: env.gasLimit,
      gasUsed: sealed.gasUsed,
      timestamp: env.timestamp,
      extraData: EMPTY_BYTES,
      prevRandao: env.prevRandao,
      baseFeePerGas: env.baseFeePerGas,
    };
    const sealedHeader = { header, hash: hashHeader(header) };
    recentHeaders.add(sealedHeader);
    return sealedHeader;
  }

  async #publish(sealed: SealedHeader, witness: Promise<SealedWitness>, epoch: number): Promise<SealedBlock> {
    const { chainState, log, gossip, witnesses } = this.#modules;
    // Hashed while the thread builds the witness.
    const diffDigest = keccak256(chainState.openBlockDiff());
    const built = await witness;
    const seal = this.#sign({ header: sealed.header, diffDigest, built, epoch });
    const message = encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal });
    // The witness first: a seal in the log promises that its witness can be had.
    await witnesses.put(seal.header.number, built.witness);
    await log.append([{ number: seal.lastNumber, bytes: message }]);
    const stored = chainState.seal(seal);
    chainState.releaseUndo(seal.header.number);
    gossip.publish('seals', message);
    this.#publishWitness(sealed, built);
    return { seal, stored };
  }

  /** Codes that were read; one that the block itself created does no harm in its witness. */
  #codes(access: StateAccess): Bytes[] {
    // From committed state: asking the world state would count as a read of the next block.
    const { committed } = this.#modules;
    const codes = access.codeHashes.map((hash) => committed.getCode(hash));
    return codes.filter((code) => code !== undefined);
  }

  #sign({ header, diffDigest, built, epoch }: SealParts): BlockSeal {
    const { identity } = this.#options;
    const { chainState, signer } = this.#modules;
    const open = chainState.openBlock();
    invariant(open !== undefined, 'a block is open until it is sealed');
    const head = chainState.head();
    const unsigned = {
      genesisHash: identity.genesisHash,
      epoch,
      header,
      firstNumber: open.firstNumber,
      lastNumber: head.number,
      lastDigest: head.digest,
      stateDiffDigest: diffDigest,
      registryDigest: chainState.registryDigest(),
      witnessDigest: built.witnessDigest,
      witnessBytes: built.witness.length,
    };
    return withSignature(unsigned, blockSealDigest(unsigned), signer);
  }

  #publishWitness({ header, hash }: SealedHeader, { witness, chunkHashes }: SealedWitness): void {
    const { gossip, signer } = this.#modules;
    const list = {
      genesisHash: this.#options.identity.genesisHash,
      blockNumber: header.number,
      blockHash: hash,
      chunkHashes,
    };
    const signature = signer.sign(witnessChunkDigest(list));
    for (const [index, data] of splitWitness(witness).entries()) {
      gossip.publish('witnesses', encodeWitnessChunk({ ...list, index, data, signature }));
    }
  }
}

function witnessKeys(access: StateAccess): WitnessKey[] {
  return [...access.accounts.values()].map(({ address, slots }) => ({ address, slots: [...slots.values()] }));
}
