import type { AppliedMiniBlock, IndexedTransaction, RpcBackend } from '../../protocol/ports/chain.ts';
import { toHex } from '../../util/bytes.ts';
import { formatFlashblockTransaction } from '../format-flashblock.ts';
import { formatMiniBlockHashes, formatMiniBlockPush } from '../format-mini-block.ts';
import { formatShred } from '../format-shred.ts';
import { ChangeStream, type ChangeStreamLogger } from './change-stream.ts';
import { EncodedStream } from './encoded-stream.ts';
import { type Feed, pushRollback, type StreamSubscriber } from './feed.ts';
import { FilteredTransactions } from './filtered-transactions.ts';
import { FlashblockStream } from './flashblock-stream.ts';
import { LogSubscribers } from './log-subscribers.ts';
import type { MiniBlockRing } from './mini-block-ring.ts';
import { cursorOf } from './resume-cursor.ts';
import type { Dialect } from './subscription-request.ts';

interface StreamModules {
  readonly ring: MiniBlockRing;
  readonly backend: Pick<RpcBackend, 'chain' | 'stateChanges'>;
  readonly logger: ChangeStreamLogger;
}

/** Every dialect that pushes mini-block by mini-block; an event is encoded once for each that has subscribers. */
export class RealtimeStreams {
  readonly #miniBlocks = new EncodedStream((applied) => [JSON.stringify(formatMiniBlockPush(applied))]);
  readonly #miniBlockHashes = new EncodedStream((applied) => [JSON.stringify(formatMiniBlockHashes(applied))]);
  readonly #shreds = new EncodedStream((applied) => [JSON.stringify(formatShred(applied))]);
  readonly #transactionHashes = new EncodedStream(({ transactions }) =>
    transactions.map(({ transaction }) => `"${toHex(transaction.hash)}"`),
  );
  readonly #transactions = new EncodedStream(({ transactions }) =>
    transactions.map((indexed) => JSON.stringify(formatFlashblockTransaction(indexed))),
  );
  readonly #filteredTransactions = new FilteredTransactions();
  readonly #logs = new LogSubscribers();
  readonly #flashblocks: FlashblockStream;
  readonly #changes: ChangeStream;
  readonly #ring: MiniBlockRing;
  /** Those who are up to date, but for the changes' own. */
  readonly #subscribers = new Set<StreamSubscriber>();

  constructor({ ring, backend, logger }: StreamModules) {
    this.#ring = ring;
    const { chain, stateChanges } = backend;
    this.#flashblocks = new FlashblockStream({ ring, chain });
    this.#changes = new ChangeStream({ stateChanges, logger, newest: () => ring.newest });
  }

  feed(dialect: Dialect): Feed {
    if (dialect.kind === 'stateChanges') return this.#changes.accounts(dialect.addresses);
    if (dialect.kind === 'shreds' && dialect.withChanges) return this.#changes.shreds();
    const feed = this.#feed(dialect);
    return {
      ...feed,
      join: (subscriber) => {
        const leave = feed.join(subscriber);
        this.#subscribers.add(subscriber);
        return () => {
          this.#subscribers.delete(subscriber);
          leave();
        };
      },
    };
  }

  #feed(dialect: Exclude<Dialect, { kind: 'stateChanges' }>): Feed {
    switch (dialect.kind) {
      case 'miniBlocks':
        return (dialect.hashesOnly ? this.#miniBlockHashes : this.#miniBlocks).feed();
      case 'pendingLogs':
        return this.#logs.feed(dialect.criteria);
      case 'shreds':
        return this.#shreds.feed();
      case 'newFlashblocks':
        return this.#flashblocks.feed();
      case 'newFlashblockTransactions':
        if (dialect.content === 'hashes') return this.#transactionHashes.feed();
        return dialect.content === 'full' ? this.#transactions.feed() : this.#filteredTransactions.feed(dialect.content);
    }
  }

  publish(applied: AppliedMiniBlock): void {
    let cached: string | undefined;
    const cursor = (): string => {
      cached ??= cursorOf(applied);
      return cached;
    };
    this.#logs.publish(applied.transactions, cursor);
    for (const stream of [this.#miniBlocks, this.#miniBlockHashes, this.#shreds, this.#transactionHashes, this.#transactions])
      stream.publish(applied, cursor);
    this.#filteredTransactions.publish(applied, cursor);
    this.#flashblocks.publish(applied, cursor);
    this.#changes.publish(applied);
  }

  onRollback(number: number, removed: readonly IndexedTransaction[]): void {
    this.#logs.publishRemoved(removed);
    this.#flashblocks.onRollback();
    const cursorJson = this.#ring.cursorAt(number);
    for (const subscriber of this.#subscribers) pushRollback(subscriber, cursorJson);
    this.#changes.onRollback(number, cursorJson);
  }
}
