import type { RpcBackend } from '../../protocol/ports/chain.ts';
import { errorMessage } from '../../util/errors.ts';
import { formatSyncing } from '../format-syncing.ts';
import type { Push } from '../rpc-caller.ts';
import type { BlockStatusLogger } from './block-status-subscribers.ts';
import { SubscriberSet } from './subscriber-set.ts';

/** Pushes when syncing begins and ends, as geth does. The node is asked after events of the chain, once at a time. */
export class SyncStatus {
  readonly #node: RpcBackend['node'];
  readonly #logger: BlockStatusLogger;
  readonly #subscribers = new SubscriberSet();
  #wasSyncing = false;
  /** Another event came while the node was being asked. */
  #isDueAgain = false;
  #isAsking = false;
  #isStopped = false;

  constructor({ node }: Pick<RpcBackend, 'node'>, logger: BlockStatusLogger) {
    this.#node = node;
    this.#logger = logger;
  }

  start(): void {
    this.#ask();
  }

  stop(): void {
    this.#isStopped = true;
  }

  add(push: Push): () => void {
    return this.#subscribers.add(push);
  }

  onEvent(): void {
    if (this.#subscribers.size > 0 || this.#wasSyncing) this.#ask();
  }

  #ask(): void {
    this.#isDueAgain = this.#isAsking;
    if (this.#isAsking || this.#isStopped) return;
    this.#isAsking = true;
    this.#publish().then(
      () => this.#onAsked(),
      (error: unknown) => {
        if (!this.#isStopped) this.#logger.error({ err: error }, `cannot tell whether it syncs: ${errorMessage(error)}`);
        this.#onAsked();
      },
    );
  }

  #onAsked(): void {
    this.#isAsking = false;
    if (this.#isDueAgain) this.#ask();
  }

  async #publish(): Promise<void> {
    const progress = await this.#node.syncing();
    const isSyncing = progress !== undefined;
    if (isSyncing === this.#wasSyncing) return;
    this.#wasSyncing = isSyncing;
    this.#subscribers.publish(() => (progress === undefined ? false : { syncing: true, status: formatSyncing(progress) }));
  }
}
