import type { DiffCodec } from '../protocol/diff-codec.ts';
import { decodeLogRecord, type LogRecord } from '../protocol/log-record.ts';
import type { MiniBlock } from '../protocol/mini-block.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import { decodeDiff, decodeMiniBlockContents } from '../protocol/validate-mini-block-contents.ts';
import { bytesEqual } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';
import { recoverAddress } from '../util/secp256k1.ts';
import type { ChainState } from './chain-state.ts';

export interface ReplayModules {
  readonly log: MiniBlockLog;
  readonly chainState: ChainState;
  readonly chain: Pick<ChainReader, 'head' | 'miniBlockNumber' | 'sealOf'>;
  readonly codec: DiffCodec;
  /** A block is complete in the state again; also one that was sealed before. */
  readonly onSealed?: (seal: BlockSeal) => Promise<void>;
}

/** Where the log ended. */
export interface ReplayResult {
  /** The epoch in force. */
  readonly epoch: number;
  /** Who signs in it; undefined when the log says nothing about it, as a new one does. */
  readonly epochKey: Address | undefined;
  /** The message that opened it, when it lies in the tail that was read. */
  readonly epochStart: EpochStart | undefined;
  readonly miniBlocks: number;
  readonly seals: number;
}

/**
 * Applies the tail of the log, without executing anything: up to the stored sealed head to the state alone, which
 * starts at an older snapshot; above it mini-blocks, and seals that the store missed. The records were checked before
 * they were logged; here only that they continue the chain.
 * @throws StrobeError LOG_BEHIND_STORE when the log ends below the stored head; LOG_REPLAY_MISMATCH (`meta.number`,
 * cause) when a record does not continue the chain; and what the log's `read` throws
 */
export async function replayLog(modules: ReplayModules): Promise<ReplayResult> {
  const stored = modules.chain.miniBlockNumber();
  if (modules.log.lastNumber() < stored) {
    const logNumber = modules.log.lastNumber();
    throw new StrobeError(
      'LOG_BEHIND_STORE',
      `the log ends at mini-block ${logNumber} and the stored chain at ${stored}: restore the data directory from a backup; ` +
        'a sequencer may also be started while a replica that has the rest runs, a replica may start anew without its data',
      { logNumber, storedNumber: stored },
    );
  }
  const replay = new Replay(modules, await storedDigest(modules));
  // The seal of the state's block and the epoch starts behind it have its number too.
  for await (const { number, bytes } of modules.log.read(modules.chainState.head().number)) {
    try {
      await replay.apply(decodeLogRecord(bytes));
    } catch (cause) {
      if (!isStrobeError(cause)) throw cause;
      throw new StrobeError(
        'LOG_REPLAY_MISMATCH',
        `log record at ${number}: ${cause.message}`,
        { number, cause: cause.code },
        { cause },
      );
    }
  }
  return replay.result();
}

/** Digest of the last mini-block of the stored head. */
async function storedDigest({ chain, chainState }: ReplayModules): Promise<Hash> {
  const { number } = chain.head().header;
  return (await chain.sealOf(number))?.lastDigest ?? chainState.head().digest;
}

class Replay {
  readonly #modules: ReplayModules;
  readonly #stored: { readonly number: number; readonly digest: Hash };
  /** Mini-block whose state the replay began with. */
  readonly #firstState: number;
  #epochStart: EpochStart | undefined;
  /** Newest mini-block read: its signer holds the key of its epoch. */
  #newest: MiniBlock | undefined;
  #miniBlocks = 0;
  #seals = 0;

  constructor(modules: ReplayModules, storedDigest: Hash) {
    this.#modules = modules;
    this.#firstState = modules.chainState.head().number;
    this.#stored = { number: modules.chain.miniBlockNumber(), digest: storedDigest };
  }

  apply(record: LogRecord): void | Promise<void> {
    switch (record.kind) {
      case 'miniBlock':
        return this.#applyMiniBlock(record.miniBlock);
      case 'epochStart':
        return this.#applyEpochStart(record.epochStart);
      case 'blockSeal':
        return this.#applySeal(record.blockSeal);
    }
  }

  #applyMiniBlock(miniBlock: MiniBlock): void {
    const { chainState, codec } = this.#modules;
    const { envelope, digest } = miniBlock;
    const head = chainState.head();
    this.#newest = miniBlock;
    if (envelope.number === head.number) {
      if (!bytesEqual(digest, head.digest)) throw mismatch('the log has another mini-block at the head');
      return;
    }
    if (!bytesEqual(envelope.parentDigest, head.digest)) throw mismatch('the parent digest is not the head');
    if (envelope.number <= this.#stored.number) {
      if (envelope.number === this.#stored.number && !bytesEqual(digest, this.#stored.digest)) {
        throw mismatch('the log has another mini-block at the stored head');
      }
      chainState.catchUp(miniBlock, decodeDiff(miniBlock, codec));
      return;
    }
    const env = envelope.env ?? chainState.openBlock()?.env;
    if (env === undefined) throw mismatch('the block of this mini-block was not opened');
    chainState.apply({ miniBlock, env, ...decodeMiniBlockContents(miniBlock, codec) });
    this.#miniBlocks++;
  }

  #applyEpochStart(start: EpochStart): void {
    const head = this.#modules.chainState.head();
    if (start.lastNumber !== head.number || !bytesEqual(start.lastDigest, head.digest)) {
      throw mismatch('the epoch does not start at the head');
    }
    this.#epochStart = start;
    this.#modules.chainState.noteEpoch(start);
  }

  async #applySeal(seal: BlockSeal): Promise<void> {
    const { chain, chainState, onSealed } = this.#modules;
    if (seal.header.number > chain.head().header.number) {
      const open = chainState.openBlock();
      const fits = open !== undefined && seal.header.number === open.env.number && seal.firstNumber === open.firstNumber;
      if (!fits || !bytesEqual(seal.lastDigest, chainState.head().digest)) throw mismatch('the seal is not of the open block');
      await chainState.seal(seal);
      this.#seals++;
    } else {
      chainState.caughtUp(seal);
    }
    await chainState.historyRoom();
    // The seal of the block that the state began with is the first record; its mini-blocks are not.
    if (seal.firstNumber > this.#firstState) await onSealed?.(seal);
  }

  result(): ReplayResult {
    const { epoch } = this.#modules.chainState.head();
    const start = this.#epochStart !== undefined && this.#epochStart.epoch >= epoch ? this.#epochStart : undefined;
    const signer = this.#newest === undefined ? undefined : recoverAddress(this.#newest.digest, this.#newest.envelope.signature);
    return {
      epoch: start?.epoch ?? epoch,
      epochKey: start?.sequencerKey ?? signer,
      epochStart: start,
      miniBlocks: this.#miniBlocks,
      seals: this.#seals,
    };
  }
}

function mismatch(message: string): StrobeError<'RECORD_OUT_OF_PLACE'> {
  return new StrobeError('RECORD_OUT_OF_PLACE', message);
}
