import type { BlockEnvironment } from '../protocol/block-header.ts';
import { compactDiffCodes } from '../protocol/compact-diff/codes.ts';
import { decodeBody, type MiniBlock, type MiniBlockBody } from '../protocol/mini-block.ts';
import type { Hash } from '../protocol/primitives.ts';
import { BLOOM_BYTES, mergeBloom } from '../protocol/receipt.ts';
import { encodeRlp } from '../protocol/rlp.ts';
import { blockHashOf } from '../protocol/sequencer-messages.ts';
import { EMPTY_STATE_DIFF, type StateDiff, stateDiffDigest } from '../protocol/state-diff.ts';
import { type Bytes, bytesEqual, toKey } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { BlockExecution, type ExecutedTransactions } from './block-execution.ts';
import { type BlockJob, type ChainRules, type DecodedJob, decodeBlockJob } from './block-job.ts';
import { checkBlockRules, checkComputedHeader } from './block-rules.ts';
import { indexRoot } from './index-root.ts';
import { WitnessDatabase } from './witness-database.ts';

/** What an attestation states about a block, as computed here. */
export interface ComputedBlock {
  readonly blockNumber: number;
  /** Of the sealed header: it names the block, also one that is wrong. */
  readonly blockHash: Hash;
  readonly preStateRoot: Hash;
  readonly postStateRoot: Hash;
  readonly stateDiffDigest: Hash;
  readonly receiptsRoot: Hash;
  readonly lastMiniBlockDigest: Hash;
}

export type ReexecutionVerdict =
  | { readonly kind: 'agrees'; readonly computed: ComputedBlock; readonly transactions: number }
  /**
   * The sequencer signed something wrong. Where a mini-block could not be executed, the computed values are those
   * behind the one before it.
   */
  | {
      readonly kind: 'disagrees';
      readonly computed: ComputedBlock;
      readonly transactions: number;
      readonly reasons: readonly string[];
    };

/** Reasons kept of one block: the first ones tell enough, and a wrong block may have one per transaction. */
const MAX_REASONS = 16;

/**
 * Executes a block again from its witness alone, with the library's VM and tries, and compares every claim of the
 * sequencer: senders, receipts and state diff of each mini-block, and the header.
 * @throws StrobeError WITNESS_INCOMPLETE, INVALID_BLOCK_JOB, WITNESS_DIGEST_MISMATCH and others of
 * {@link decodeBlockJob}: nothing can be said about the block
 */
export async function reexecuteBlock(job: BlockJob, rules: ChainRules): Promise<ReexecutionVerdict> {
  const decoded = decodeBlockJob(job, rules);
  const database = new WitnessDatabase(decoded.witness);
  // A trie that failed may leave its lock taken; whoever waits for it is left behind here.
  const verdict = await Promise.race([new Reexecution(decoded, rules, database).run(), database.failed]);
  if (database.fault !== undefined) throw database.fault;
  return verdict;
}

class Reexecution {
  readonly #job: DecodedJob;
  readonly #rules: ChainRules;
  readonly #database: WitnessDatabase;
  readonly #reasons: string[];
  readonly #transactions: Bytes[] = [];
  readonly #receipts: Bytes[] = [];
  readonly #bloom: Bytes = new Uint8Array(BLOOM_BYTES);
  #gasUsed = 0n;

  constructor(job: DecodedJob, rules: ChainRules, database: WitnessDatabase) {
    this.#job = job;
    this.#rules = rules;
    this.#database = database;
    this.#reasons = checkBlockRules(job, rules);
  }

  async run(): Promise<ReexecutionVerdict> {
    const env = this.#job.miniBlocks[0]?.envelope.env;
    const { diff, stateRoot } =
      env === undefined ? { diff: EMPTY_STATE_DIFF, stateRoot: this.#job.parent.stateRoot } : await this.#execute(env);
    return this.#verdict(diff, stateRoot);
  }

  async #execute(env: BlockEnvironment): Promise<{ diff: StateDiff; stateRoot: Hash }> {
    const { parent, ancestors, miniBlocks } = this.#job;
    const execution = await BlockExecution.create(this.#rules.chainId, env, parent.stateRoot, ancestors, this.#database);
    for (const [index, miniBlock] of miniBlocks.entries()) {
      if (!(await this.#executeMiniBlock(execution, miniBlock, index === 0))) break;
    }
    const diff = await execution.state.blockDiff();
    return { diff, stateRoot: await execution.state.applyToTries(diff) };
  }

  /** @returns false when it cannot be executed; its writes are undone then */
  async #executeMiniBlock(execution: BlockExecution, miniBlock: MiniBlock, isFirst: boolean): Promise<boolean> {
    const { number, stateDiffDigest: claimed } = miniBlock.envelope;
    const body = this.#readBody(miniBlock);
    if (body === undefined) return false;
    await execution.state.beginMiniBlock();
    if (isFirst) await execution.runSystemCalls();
    if (!(await this.#runTransactions(execution, body, miniBlock))) {
      await execution.state.dropMiniBlock();
      return false;
    }
    const diff = await execution.state.endMiniBlock(this.#claimedCodes(miniBlock));
    if (!bytesEqual(stateDiffDigest(diff), claimed)) this.#reasons.push(`mini-block ${number}: stateDiffDigest differs`);
    return true;
  }

  #readBody({ envelope, bodyPayload }: MiniBlock): MiniBlockBody | undefined {
    try {
      return decodeBody(bodyPayload, envelope);
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      this.#reasons.push(`mini-block ${envelope.number}: the body cannot be read: ${error.message}`);
      return undefined;
    }
  }

  /** @returns false when one of them may not be in this block */
  async #runTransactions(execution: BlockExecution, body: MiniBlockBody, { envelope }: MiniBlock): Promise<boolean> {
    const { number, receiptsDigest } = envelope;
    let executed: ExecutedTransactions;
    try {
      executed = await execution.run(body.transactions, this.#gasUsed);
    } catch (error) {
      if (!isStrobeError(error, 'NOT_EXECUTABLE')) throw error;
      this.#reasons.push(`mini-block ${number}: ${error.message}`);
      return false;
    }
    for (const reason of executed.reasons) this.#reasons.push(`mini-block ${number}: ${reason}`);
    if (!bytesEqual(keccak256(encodeRlp(executed.receipts)), receiptsDigest)) {
      this.#reasons.push(`mini-block ${number}: receiptsDigest differs`);
    }
    this.#transactions.push(...executed.raw);
    this.#receipts.push(...executed.receipts);
    mergeBloom(this.#bloom, executed.bloom);
    this.#gasUsed = executed.gasUsed;
    return true;
  }

  /**
   * Codes that the published diff lists: a witness does not say which codes are new to the chain. The rest of the diff
   * can be read only beside the flat state; its digest covers the codes.
   */
  #claimedCodes({ envelope, diffPayload }: MiniBlock): ReadonlyMap<string, Bytes> {
    try {
      return new Map(compactDiffCodes(diffPayload).map((code) => [toKey(keccak256(code)), code]));
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      this.#reasons.push(`mini-block ${envelope.number}: the published diff cannot be read: ${error.message}`);
    }
    return new Map();
  }

  #verdict(diff: StateDiff, stateRoot: Hash): ReexecutionVerdict {
    const { seal, parent } = this.#job;
    const receiptsRoot = indexRoot(this.#receipts);
    const reasons = [
      ...this.#reasons,
      ...checkComputedHeader(seal.header, {
        stateRoot,
        transactionsRoot: indexRoot(this.#transactions),
        receiptsRoot,
        logsBloom: this.#bloom,
        gasUsed: this.#gasUsed,
      }),
    ];
    const diffDigest = stateDiffDigest(diff);
    if (!bytesEqual(diffDigest, seal.stateDiffDigest)) reasons.push('seal: stateDiffDigest differs');
    const computed: ComputedBlock = {
      blockNumber: seal.header.number,
      blockHash: blockHashOf(seal),
      preStateRoot: parent.stateRoot,
      postStateRoot: stateRoot,
      stateDiffDigest: diffDigest,
      receiptsRoot,
      lastMiniBlockDigest: seal.lastDigest,
    };
    const transactions = this.#transactions.length;
    if (reasons.length === 0) return { kind: 'agrees', computed, transactions };
    return { kind: 'disagrees', computed, transactions, reasons: reasons.slice(0, MAX_REASONS) };
  }
}
