import { miniBlockOfRecord } from '../protocol/log-record.ts';
import { decodeBody } from '../protocol/mini-block.ts';
import { invariant } from '../util/errors.ts';
import type { ChainBegin, ChainChange } from './chain-change.ts';
import { ChainView, type ChainViewModules, type ChainViewOptions } from './chain-view.ts';
import { indexTransactions } from './indexed-transaction.ts';
import { OpenBlockBuilder } from './open-block.ts';
import { StoredMiniBlock } from './stored-mini-block.ts';

/**
 * The chain of a store in another thread, moved on by what that tells. It shares the store's database and writes
 * nothing there. A mini-block's transactions are decoded when somebody looks at them, so that following costs little.
 */
export class ChainFollower extends ChainView {
  constructor(options: ChainViewOptions, modules: ChainViewModules, { marks, changes }: ChainBegin) {
    super(options, modules, marks);
    for (const change of changes) this.apply(change);
  }

  /** Changes are applied in the order in which the store told them; events come out in that order. */
  apply(change: ChainChange): void {
    switch (change.kind) {
      case 'miniBlock':
        this.#append(change);
        break;
      case 'sealed':
        invariant(this.open !== undefined, 'the store seals the open block');
        this.showSealed(change.seal, change.sizeBytes, this.open);
        break;
      case 'stored':
        this.recent.evict(change.blockNumber);
        break;
      case 'pruned':
        this.database.blocks.noteOldest(change.oldestBlock);
        break;
      case 'safe':
        this.showSafe(change.blockNumber);
        break;
      case 'finalized':
        this.showFinalized(change.blockNumber);
        break;
      case 'status':
        this.emit(change);
        break;
      case 'rollback':
        this.hideAbove(change.number, change.head);
        this.emit({ kind: 'rollback', number: change.number, removed: change.removed });
        break;
    }
  }

  #append({ record, start, transactionCount, gasUsed }: Extract<ChainChange, { kind: 'miniBlock' }>): void {
    const miniBlock = miniBlockOfRecord(record);
    const { envelope, bodyPayload } = miniBlock;
    const env = this.open?.env ?? envelope.env;
    invariant(env !== undefined, 'the first mini-block of a block has its environment');
    this.open ??= new OpenBlockBuilder(env);
    const place = { env, miniBlockNumber: envelope.number, blockHash: undefined };
    const stored = new StoredMiniBlock({ miniBlock, env, start, transactionCount, gasUsed }, () => {
      const body = decodeBody(bodyPayload, envelope);
      return indexTransactions(body, undefined, place, start).transactions;
    });
    this.open.add(stored);
    this.showMiniBlock(stored);
  }
}
