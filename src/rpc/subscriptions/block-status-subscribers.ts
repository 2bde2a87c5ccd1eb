import type { ChainEvent, RpcBackend } from '../../protocol/ports/chain.ts';
import { errorMessage } from '../../util/errors.ts';
import { quantity } from '../../util/quantity.ts';
import { formatBlockStatus } from '../format-block-status.ts';
import type { Push } from '../rpc-caller.ts';
import { SubscriberSet } from './subscriber-set.ts';

/**
 * Blocks whose status may wait to be read: a node that catches up moves `safe` by thousands of blocks at once. Beyond it
 * the newest changes are told and the others left out; strobe_blockStatus has them.
 */
const MAX_WAITING_BLOCKS = 1_024;

export interface BlockStatusLogger {
  error(fields: object, message: string): void;
}

/**
 * Subscribers of the verification ladder: each change of a block's status is pushed as strobe_blockStatus answers it.
 * Changes of one block that follow each other closely are one push, of where it stands then. Statuses are read from the
 * store, so this works behind the events, in their order.
 */
export class BlockStatusSubscribers {
  readonly #backend: Pick<RpcBackend, 'chain' | 'attestationPolicy'>;
  readonly #logger: BlockStatusLogger;
  readonly #subscribers = new SubscriberSet();
  /** Blocks whose status changed, in order. */
  readonly #waiting = new Set<number>();
  /** What was pushed of the newest blocks, as JSON: several events may lead to one and the same status. */
  readonly #told = new Map<number, string>();
  #isReading = false;
  #safe = 0;
  #finalized = 0;
  /** Newest sealed block that was seen. */
  #head = 0;
  /** Counts rollbacks: a status that was read before one may be that of an undone block. */
  #rollbacks = 0;

  constructor(backend: Pick<RpcBackend, 'chain' | 'attestationPolicy'>, logger: BlockStatusLogger) {
    this.#backend = backend;
    this.#logger = logger;
  }

  start(): void {
    const { chain } = this.#backend;
    this.#head = chain.head().header.number;
    this.#safe = chain.safeNumber() ?? 0;
    this.#finalized = chain.finalizedNumber() ?? 0;
  }

  add(push: Push): () => void {
    return this.#subscribers.add(push);
  }

  onEvent(event: ChainEvent): void {
    switch (event.kind) {
      case 'block':
        this.#head = event.block.header.number;
        this.#note(this.#head);
        break;
      case 'status':
        this.#note(event.blockNumber);
        break;
      case 'safe':
        for (let number = this.#firstOf(this.#safe, event.blockNumber); number <= event.blockNumber; number++) this.#note(number);
        this.#safe = event.blockNumber;
        break;
      case 'finalized':
        for (let number = this.#firstOf(this.#finalized, event.blockNumber); number <= event.blockNumber; number++)
          this.#note(number);
        this.#finalized = event.blockNumber;
        break;
      case 'rollback':
        this.#onRollback();
        break;
      default:
        break;
    }
  }

  #firstOf(before: number, after: number): number {
    return Math.max(before + 1, after - MAX_WAITING_BLOCKS + 1);
  }

  /** Newest first, as the blocks go. */
  #onRollback(): void {
    const head = this.#backend.chain.head().header.number;
    this.#rollbacks++;
    for (let blockNumber = this.#head; blockNumber > head; blockNumber--) {
      this.#waiting.delete(blockNumber);
      this.#told.delete(blockNumber);
      this.#subscribers.publish(() => ({ blockNumber: quantity(blockNumber), removed: true }));
    }
    this.#head = head;
  }

  #note(blockNumber: number): void {
    if (this.#subscribers.size === 0) {
      this.#told.clear();
      return;
    }
    this.#waiting.add(blockNumber);
    for (const oldest of this.#waiting) {
      if (this.#waiting.size <= MAX_WAITING_BLOCKS) break;
      this.#waiting.delete(oldest);
    }
    if (this.#isReading) return;
    this.#isReading = true;
    this.#readAll().catch((error: unknown) => {
      this.#isReading = false;
      this.#logger.error({ err: error }, `a block's status could not be read for its subscribers: ${errorMessage(error)}`);
    });
  }

  async #readAll(): Promise<void> {
    const { chain } = this.#backend;
    for (const blockNumber of this.#waiting) {
      this.#waiting.delete(blockNumber);
      const rollbacks = this.#rollbacks;
      const status = await chain.blockStatus(blockNumber);
      const policy = await this.#backend.attestationPolicy();
      if (rollbacks !== this.#rollbacks) {
        // It is read again, unless it was undone and has not come back.
        if (blockNumber <= this.#head) this.#waiting.add(blockNumber);
        continue;
      }
      // Pruned meanwhile.
      if (status === undefined) continue;
      this.#tell(blockNumber, JSON.stringify(formatBlockStatus(status, chain, policy)));
    }
    this.#isReading = false;
  }

  #tell(blockNumber: number, json: string): void {
    if (this.#told.get(blockNumber) === json) return;
    this.#told.delete(blockNumber);
    this.#told.set(blockNumber, json);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size <= MAX_WAITING_BLOCKS) break;
      this.#told.delete(oldest);
    }
    this.#subscribers.publishJson(json);
  }
}
