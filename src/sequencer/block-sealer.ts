import type { BlockHeader } from '../protocol/block-header.ts';
import { hashHeader } from '../protocol/block-header.ts';
import { encodeSequencerMessage } from '../protocol/log-record.ts';
import type { Block } from '../protocol/ports/chain.ts';
import type { StateAccess } from '../protocol/ports/state.ts';
import {
  type BlockSeal,
  blockSealDigest,
  encodeWitnessChunk,
  splitWitness,
  withSignature,
  witnessChunkDigest,
} from '../protocol/sequencer-messages.ts';
import { stateDiffDigest } from '../protocol/state-diff.ts';
import type { WitnessKey } from '../protocol/witness.ts';
import type { SealedRoots } from '../state/block-roots.ts';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';

type SealerModules = Pick<
  SequencerModules,
  'signer' | 'world' | 'committed' | 'roots' | 'chainState' | 'chain' | 'log' | 'gossip' | 'witnesses' | 'recentHeaders'
>;

export interface SealedBlock {
  readonly seal: BlockSeal;
  readonly stored: Promise<Block>;
}

/** Turns the open block into a sealed one: roots, header, signed seal, witness (PROTOCOL sections 5 and 9). */
export class BlockSealer {
  readonly #options: Pick<SequencerOptions, 'identity'>;
  readonly #modules: SealerModules;

  constructor(options: Pick<SequencerOptions, 'identity'>, modules: SealerModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Resolves when the seal is durable and the block visible; `stored` follows when the database has it. */
  async seal(epoch: number): Promise<SealedBlock> {
    const { world, roots, chainState, log, gossip, recentHeaders, witnesses } = this.#modules;
    const access = world.takeAccess();
    const sealed = await roots.seal({
      keys: witnessKeys(access),
      codes: this.#codes(access),
      headers: recentHeaders.takeAncestors(),
    });
    const seal = this.#sign(sealed, epoch);
    const message = encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal });
    // The witness first: a seal in the log promises that its witness can be had.
    await witnesses.put(seal.header.number, sealed.witness);
    await log.append([{ number: seal.lastNumber, bytes: message }]);
    const stored = chainState.seal(seal);
    chainState.releaseUndo(seal.header.number);
    gossip.publish('seals', message);
    this.#publishWitness(seal, sealed);
    return { seal, stored };
  }

  /** Codes that were read; one that the block itself created does no harm in its witness. */
  #codes(access: StateAccess): Bytes[] {
    // From committed state: asking the world state would count as a read of the next block.
    const { committed } = this.#modules;
    const codes = access.codeHashes.map((hash) => committed.getCode(hash));
    return codes.filter((code) => code !== undefined);
  }

  #sign(sealed: SealedRoots, epoch: number): BlockSeal {
    const { identity } = this.#options;
    const { chainState, signer } = this.#modules;
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
    const head = chainState.head();
    const unsigned = {
      genesisHash: identity.genesisHash,
      epoch,
      header,
      firstNumber: open.firstNumber,
      lastNumber: head.number,
      lastDigest: head.digest,
      stateDiffDigest: stateDiffDigest(chainState.openBlockDiff()),
      registryDigest: chainState.registryDigest(),
      witnessDigest: sealed.witnessDigest,
      witnessBytes: sealed.witness.length,
    };
    return withSignature(unsigned, blockSealDigest(unsigned), signer);
  }

  #publishWitness(seal: BlockSeal, sealed: SealedRoots): void {
    const { gossip, signer } = this.#modules;
    const list = {
      genesisHash: seal.genesisHash,
      blockNumber: seal.header.number,
      blockHash: hashHeader(seal.header),
      chunkHashes: sealed.chunkHashes,
    };
    const signature = signer.sign(witnessChunkDigest(list));
    for (const [index, data] of splitWitness(sealed.witness).entries()) {
      gossip.publish('witnesses', encodeWitnessChunk({ ...list, index, data, signature }));
    }
  }
}

function witnessKeys(access: StateAccess): WitnessKey[] {
  return [...access.accounts.values()].map(({ address, slots }) => ({ address, slots: [...slots.values()] }));
}
