import type { BlockEnvironment } from '../protocol/block-header.ts';
import {
  BLOCK_RECORD_BYTES,
  BLOCK_WITNESS_BYTES,
  GAS_PER_DIFF_BYTE,
  MAX_MINI_BLOCK_TRANSACTIONS,
  MINI_BLOCK_BODY_BYTES,
  MINI_BLOCK_GAS,
  WITNESS_BYTES_PER_GAS,
} from '../protocol/limits.ts';
import type { BodyTransaction } from '../protocol/mini-block.ts';
import type { ExecutionEngine } from '../protocol/ports/execution.ts';
import type { WorldState } from '../protocol/ports/state.ts';
import type { Receipt } from '../protocol/receipt.ts';
import type { Transaction } from '../protocol/transaction.ts';
import type { Mempool } from './mempool.ts';
import type { PooledTransaction } from './sender-queue.ts';

/** Executed transactions of one mini-block, in order. */
export interface ExecutedBatch {
  readonly transactions: BodyTransaction[];
  readonly decoded: Transaction[];
  readonly receipts: Receipt[];
  /** Gas used by these transactions. */
  gasUsed: bigint;
  /** What these transactions add to the block's records, about. */
  recordBytes: number;
  /** The gas left in the EVM block, or the room in its witness or its records, is too little for the next transaction. */
  blockFull: boolean;
}

export interface BuildLimits {
  /** Time on the builder's clock at which no further transaction begins, ms. */
  readonly executeUntilMs: number;
  /** True while the mini-block before is becoming durable: until then this one may as well take more. */
  readonly isWaiting: () => boolean;
  /** Gas used in the open block before this mini-block. */
  readonly blockGasUsed: bigint;
  /** Bytes of the open block's records before this mini-block. */
  readonly blockRecordBytes: number;
  /** Gas behind which this mini-block takes no further transaction. */
  readonly gasBudget: bigint;
}

export interface BuilderModules {
  readonly engine: ExecutionEngine;
  /** What it executes on. */
  readonly world: Pick<WorldState, 'witnessBytes'>;
  readonly mempool: Mempool;
  readonly nowMs: () => number;
  /** Tells of a transaction that was dropped without inclusion. */
  readonly onRejected: (pooled: PooledTransaction, code: string, message: string) => void;
}

/** Executing this long without a pause would keep reads and sends waiting; ms. */
const YIELD_AFTER_MS = 3;

/** Fills mini-blocks from the pool: one transaction after the other until time, gas, bytes or the pool end. */
export class MiniBlockBuilder {
  readonly #modules: BuilderModules;

  constructor(modules: BuilderModules) {
    this.#modules = modules;
  }

  async build(env: BlockEnvironment, limits: BuildLimits): Promise<ExecutedBatch> {
    const { mempool, nowMs } = this.#modules;
    const batch: ExecutedBatch = {
      ...{ transactions: [], decoded: [], receipts: [] },
      ...{ gasUsed: 0n, recordBytes: 0, blockFull: false },
    };
    let bytes = 0;
    let yieldAtMs = nowMs() + YIELD_AFTER_MS;
    while (bytes < MINI_BLOCK_BODY_BYTES && batch.gasUsed < limits.gasBudget) {
      if (batch.transactions.length >= MAX_MINI_BLOCK_TRANSACTIONS) break;
      const now = nowMs();
      if (now >= limits.executeUntilMs && !limits.isWaiting()) break;
      if (now >= yieldAtMs) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        yieldAtMs = nowMs() + YIELD_AFTER_MS;
      }
      const pooled = mempool.next();
      if (pooled === undefined) break;
      const gasLeft = env.gasLimit - limits.blockGasUsed - batch.gasUsed;
      const recordBytes = limits.blockRecordBytes + batch.recordBytes;
      if (recordBytes >= BLOCK_RECORD_BYTES || !this.#fits(pooled, gasLeft)) {
        mempool.putBack(pooled);
        batch.blockFull = true;
        break;
      }
      bytes += await this.#execute(pooled, batch);
    }
    return batch;
  }

  /** A witness that is too large would be the proof that the sequencer cheats, so every transaction must leave room for it. */
  #fits({ transaction: { gasLimit } }: PooledTransaction, gasLeft: bigint): boolean {
    const witnessBytes = this.#modules.world.witnessBytes + Number(gasLimit) * WITNESS_BYTES_PER_GAS;
    return gasLimit <= gasLeft && witnessBytes <= BLOCK_WITNESS_BYTES;
  }

  /** Executes one transaction and says how many body bytes it added. */
  async #execute(pooled: PooledTransaction, batch: ExecutedBatch): Promise<number> {
    const { engine, mempool, onRejected } = this.#modules;
    const outcome = await engine.execute(pooled);
    if (outcome.kind === 'rejected') {
      mempool.drop(pooled);
      if (outcome.code === 'EXECUTION_TIMEOUT') mempool.penalise(pooled.sender);
      onRejected(pooled, outcome.code, outcome.message);
      return 0;
    }
    mempool.included(pooled);
    const { transaction, sender } = pooled;
    batch.transactions.push({ raw: transaction.raw, sender });
    batch.decoded.push(transaction);
    batch.receipts.push(outcome.receipt);
    batch.gasUsed += outcome.gasUsed;
    const bodyBytes = transaction.raw.length + receiptBytes(outcome.receipt);
    batch.recordBytes += bodyBytes + Number(outcome.gasUsed) / GAS_PER_DIFF_BYTE;
    return bodyBytes;
  }
}

/** Bytes that a receipt takes at most, nearly: the bloom, and the logs. */
function receiptBytes(receipt: Receipt): number {
  return receipt.logs.reduce((sum, log) => sum + log.data.length + log.topics.length * 33 + 30, 280);
}

/** The gas budget of a mini-block; cut to a tenth while provers are too far behind (PROTOCOL section 7). */
export function gasBudget(isSlowedDown: boolean): bigint {
  return isSlowedDown ? MINI_BLOCK_GAS / 10n : MINI_BLOCK_GAS;
}
