import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AppliedMiniBlock, ChainEvent, IndexedTransaction, RpcBackend } from '../../src/protocol/ports/chain.ts';
import type { AccountChange } from '../../src/protocol/ports/state-changes.ts';
import type { Address, Hash } from '../../src/protocol/primitives.ts';
import type { Log } from '../../src/protocol/receipt.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { bigIntToBytes32, fromKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

/** The account that logs, and that every third mini-block changes. */
export const ACTOR: Address = fromKey('0a'.repeat(20));
const GENESIS_HASH: Hash = keccak256(Uint8Array.of(0));
const MINI_BLOCKS_PER_BLOCK = 4;
const CHANGED_EVERY = 3;

export interface MiniBlockFeedOptions {
  /** Timestamp of each mini-block, µs; its number unless it says otherwise. It is the data of its logs. */
  readonly nowUs?: () => number;
  /** Different topics that the logs have in turn. */
  readonly topics?: number;
}

/**
 * A chain of mini-blocks that can be undone anywhere, with as little in them as subscriptions need: transactions of one log
 * each. Reads of it take some turns of the event loop, in which other things happen.
 */
export class MiniBlockFeed {
  readonly miniBlocks: AppliedMiniBlock[] = [];
  /** Mini-blocks up to this one cannot be read any more. */
  pruned = 0;
  /** Turns that a read takes at most; each takes another number of them. */
  readTurns = 0;
  #reads = 0;
  #epoch = 1;
  readonly #options: MiniBlockFeedOptions;
  readonly #listeners = new Set<(event: ChainEvent) => void>();

  constructor(options: MiniBlockFeedOptions = {}) {
    this.#options = options;
  }

  /** Appends a mini-block with so many transactions. */
  add(transactions: number): AppliedMiniBlock {
    const number = this.miniBlocks.length + 1;
    const digest = keccak256(encodeRlp([this.#epoch, number].map(fromNumber)));
    const parentDigest = this.miniBlocks.at(-1)?.miniBlock.digest ?? GENESIS_HASH;
    const [blockNumber, index] = [Math.ceil(number / MINI_BLOCKS_PER_BLOCK), (number - 1) % MINI_BLOCKS_PER_BLOCK];
    const { nowUs = () => number, topics = 2 } = this.#options;
    const timestampUs = nowUs();
    const envelope = { epoch: this.#epoch, number, parentDigest, blockNumber, index, timestampUs };
    const applied = {
      miniBlock: { envelope, digest },
      env: { timestamp: blockNumber },
      transactions: Array.from({ length: transactions }, (_, at) => {
        const log = { address: ACTOR, topics: [topicAt(at % topics)], data: bigIntToBytes32(BigInt(timestampUs)) };
        return transactionOf(keccak256(encodeRlp([digest, fromNumber(at)])), number, at, log);
      }),
      gasUsed: 0n,
      firstLogIndex: 0,
    } as unknown as AppliedMiniBlock;
    this.miniBlocks.push(applied);
    this.#emit({ kind: 'miniBlock', miniBlock: applied });
    return applied;
  }

  /** Undoes mini-blocks above `number`; another epoch goes on. */
  rollback(number: number): void {
    const removed = this.miniBlocks.splice(number).flatMap(({ transactions }) => transactions);
    this.#epoch++;
    this.#emit({ kind: 'rollback', number, removed });
  }

  /** What subscriptions read of a node. */
  get backend(): RpcBackend {
    const chain = {
      genesisHash: GENESIS_HASH,
      miniBlockNumber: () => this.miniBlocks.length,
      miniBlock: (number: number) => this.#read(() => this.miniBlocks[number - 1], number),
      head: () => ({ header: { number: 0 } }),
      safeNumber: () => undefined,
      finalizedNumber: () => undefined,
      sealOf: async () => undefined,
      oldestBlock: async () => 1,
      subscribe: (listener: (event: ChainEvent) => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    const stateChanges = { of: (number: number) => this.#read(() => this.changesOf(this.miniBlocks[number - 1]), number) };
    return { chain, stateChanges, node: { syncing: async () => undefined }, transactions: {} } as unknown as RpcBackend;
  }

  /** What a mini-block changed: its epoch is the actor's balance then. */
  changesOf(applied: AppliedMiniBlock | undefined): readonly AccountChange[] | undefined {
    if (applied === undefined) return undefined;
    const { number, epoch } = applied.miniBlock.envelope;
    if (number % CHANGED_EVERY > 0) return [];
    const [nonce, balance] = [BigInt(number), BigInt(epoch)];
    return [{ address: ACTOR, deleted: false, nonce, balance, code: undefined, slots: [] }];
  }

  async #read<Value>(look: () => Value | undefined, number: number): Promise<Value | undefined> {
    const value = number > this.pruned ? look() : undefined;
    for (let turn = this.#reads++ % (this.readTurns + 1); turn > 0; turn--) await nextTurn();
    return value;
  }

  #emit(event: ChainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** The topic of the logs of every so many-th transaction. */
export function topicAt(index: number): Hash {
  return bigIntToBytes32(BigInt(index));
}

function transactionOf(hash: Hash, miniBlockNumber: number, at: number, log: Log): IndexedTransaction {
  return {
    transaction: { hash },
    receipt: { logs: [log] },
    ...{ miniBlockNumber, blockNumber: 1, blockHash: undefined, blockTimestamp: 1, transactionIndex: at, firstLogIndex: at },
  } as unknown as IndexedTransaction;
}
