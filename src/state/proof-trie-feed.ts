import type { BlockHeader } from '../protocol/block-header.ts';
import type { Block, ChainReader } from '../protocol/ports/chain.ts';
import type { CommittedState } from '../protocol/ports/state.ts';
import { decodeStateDiff, encodeStateDiff } from '../protocol/state-diff.ts';
import { type Bytes, bytesEqual, toHex } from '../util/bytes.ts';
import { invariant, isStrobeError } from '../util/errors.ts';
import type { ProofTrieHost } from './proof-trie.ts';
import { revertDiff } from './revert-diff.ts';
import { followSafeRoots } from './safe-roots.ts';
import { stateAsDiffs } from './state-as-diffs.ts';

export interface ProofTrieFeedModules {
  readonly host: ProofTrieHost;
  readonly state: Pick<CommittedState, 'entries' | 'number' | 'at' | 'netDiff'>;
  readonly chain: Pick<ChainReader, 'head' | 'safeNumber' | 'sealOf' | 'blockByNumber' | 'subscribe'>;
  readonly logger: { error(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** Where a block ends. */
interface BlockEnd {
  readonly blockNumber: number;
  readonly header: BlockHeader;
  readonly lastMiniBlock: number;
}

/** Keeps a {@link ProofTrieHost} at the sealed head of the chain, whichever way that moves. */
export class ProofTrieFeed {
  readonly #modules: ProofTrieFeedModules;
  readonly #unsubscribe: (() => void)[] = [];
  /** Mini-block whose state the trie has. */
  #at = 0;
  /** Roots are right from the first block on, or the data is damaged: said once. */
  #hasComplained = false;

  constructor(modules: ProofTrieFeedModules) {
    this.#modules = modules;
  }

  /**
   * Fills the trie: with the state at the safe block, when its old values are kept, and the blocks above it. Then follows
   * the chain, which must stand still until this resolves.
   */
  async start(): Promise<void> {
    const { host, state, chain, logger } = this.#modules;
    const startedMs = performance.now();
    const head = chain.head().header.number;
    const first = await this.#firstBlock(head);
    for (const diffBytes of stateAsDiffs(state.entries())) host.apply(diffBytes);
    this.#at = state.number;
    this.#goBack(first.lastMiniBlock);
    await this.#endBlock(first.header);
    for (let blockNumber = first.blockNumber + 1; blockNumber <= head; blockNumber++) {
      const { header, lastMiniBlock } = await this.#endOf(blockNumber);
      this.#goOn(lastMiniBlock);
      await this.#endBlock(header);
    }
    this.#follow();
    const seconds = (performance.now() - startedMs) / 1_000;
    logger.info({ fromBlock: first.blockNumber, block: head, seconds }, 'the state trie is loaded: proofs can be asked for');
  }

  stop(): void {
    for (const end of this.#unsubscribe.splice(0)) end();
  }

  async #firstBlock(head: number): Promise<BlockEnd> {
    const { state, chain } = this.#modules;
    const safe = await this.#endOf(Math.min(chain.safeNumber() ?? head, head));
    return state.at(safe.lastMiniBlock) === undefined ? this.#endOf(head) : safe;
  }

  async #endOf(blockNumber: number): Promise<BlockEnd> {
    const { chain } = this.#modules;
    const seal = await chain.sealOf(blockNumber);
    if (seal !== undefined) return { blockNumber, header: seal.header, lastMiniBlock: seal.lastNumber };
    const genesis = await chain.blockByNumber(blockNumber);
    invariant(genesis !== undefined, 'blocks from the safe one to the head are stored');
    return { blockNumber, header: genesis.header, lastMiniBlock: genesis.lastMiniBlock };
  }

  #follow(): void {
    const { chain, host, logger } = this.#modules;
    this.#unsubscribe.push(
      chain.subscribe((event) => {
        if (event.kind === 'block') this.#onBlock(event.block);
        else if (event.kind === 'rollback') this.#onRollback(event.number);
      }),
      followSafeRoots({ chain, logger }, (stateRoot) => host.keepFrom(stateRoot)),
    );
  }

  #onBlock({ header, lastMiniBlock }: Block): void {
    this.#goOn(lastMiniBlock);
    this.#endBlock(header).catch((error: unknown) => {
      // A thread that dies shows in `failed`, and one that was stopped is missed by nobody.
      const isGone = isStrobeError(error, 'THREAD_DIED') || isStrobeError(error, 'THREAD_STOPPED');
      if (!isGone) this.#modules.logger.error({ err: error, blockNumber: header.number }, 'the state trie failed');
    });
  }

  /** The store has gone back, the state not yet. */
  #onRollback(number: number): void {
    if (number < this.#at) this.#goBack(number);
  }

  #goOn(number: number): void {
    this.#modules.host.apply(this.#netDiff(this.#at, number));
    this.#at = number;
  }

  #goBack(number: number): void {
    const { host, state } = this.#modules;
    const before = state.at(number);
    invariant(before !== undefined, 'the state that the chain goes back to is kept');
    const undone = decodeStateDiff(this.#netDiff(number, this.#at));
    host.apply(encodeStateDiff(revertDiff(undone, before)));
    this.#at = number;
  }

  #netDiff(from: number, to: number): Bytes {
    const diff = this.#modules.state.netDiff(from, to);
    invariant(diff !== undefined, 'old values of unsealed and undone blocks are kept');
    return diff;
  }

  async #endBlock({ number, stateRoot }: BlockHeader): Promise<void> {
    const root = await this.#modules.host.endBlock();
    if (bytesEqual(root, stateRoot) || this.#hasComplained) return;
    this.#hasComplained = true;
    this.#modules.logger.error(
      { blockNumber: number, computed: toHex(root), sealed: toHex(stateRoot) },
      'the state here does not have the state root of the sealed block: there are no proofs of it',
    );
  }
}
