import type { BlockHeader } from '../protocol/block-header.ts';
import type { Block, ChainReader } from '../protocol/ports/chain.ts';
import type { StateProof } from '../protocol/ports/proofs.ts';
import type { CommittedState, NetDiffComposer } from '../protocol/ports/state.ts';
import type { Hash } from '../protocol/primitives.ts';
import { decodeStateDiff, encodeStateDiff } from '../protocol/state-diff.ts';
import { type Bytes, bytesEqual, toHex } from '../util/bytes.ts';
import { invariant, isStrobeError } from '../util/errors.ts';
import type { ProofTrieHost } from './proof-trie.ts';
import { revertDiff } from './revert-diff.ts';
import { followSafeRoots } from './safe-roots.ts';
import type { NodesRequest, ProofRequest } from './trie-history.ts';

export interface ProofTrieFeedModules {
  readonly host: ProofTrieHost;
  /** Fills the host with the state as it is now. */
  readonly load: () => Promise<void>;
  readonly state: Pick<CommittedState, 'number' | 'at' | 'netDiff'>;
  readonly netDiffs: NetDiffComposer;
  readonly chain: Pick<ChainReader, 'head' | 'safeNumber' | 'sealOf' | 'blockByNumber' | 'subscribe'>;
  readonly logger: { error(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** Where a block ends. */
interface BlockEnd {
  readonly header: BlockHeader;
  readonly lastMiniBlock: number;
}

/** A block on its way into the trie. */
interface DueBlock extends BlockEnd {
  /** Resolves when the trie was told of it, or will never be. */
  readonly settled: PromiseWithResolvers<void>;
}

/**
 * Blocks that wait to be composed. Of more the oldest is passed over, and never proven: the diff of the one behind it
 * has its changes, too.
 */
const MAX_DUE = 64;

/**
 * Keeps a {@link ProofTrieHost} at the sealed head of the chain, whichever way that moves. It comes behind by the time
 * that composing a block takes, which another thread does.
 */
export class ProofTrieFeed {
  readonly #modules: ProofTrieFeedModules;
  readonly #unsubscribe: (() => void)[] = [];
  /** Mini-block whose state the trie has. */
  #at = 0;
  /** Sealed blocks that the trie does not have, ascending. */
  #due: DueBlock[] = [];
  /** The block whose diff from {@link ProofTrieFeed.#at} on is being composed; undefined when it was undone meanwhile. */
  #composing: DueBlock | undefined;
  #isCatchingUp = false;
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
    const { load, state, chain, logger } = this.#modules;
    const startedMs = performance.now();
    const head = chain.head().header.number;
    const first = await this.#firstBlock(head);
    await load();
    this.#at = state.number;
    this.#goBack(first.lastMiniBlock);
    await this.#endBlock(first.header);
    for (let blockNumber = first.header.number + 1; blockNumber <= head; blockNumber++) {
      this.#add(await this.#endOf(blockNumber));
      await this.#catchUp();
    }
    this.#follow();
    const seconds = (performance.now() - startedMs) / 1_000;
    logger.info({ fromBlock: first.header.number, block: head, seconds }, 'the state trie is loaded: proofs can be asked for');
  }

  stop(): void {
    for (const end of this.#unsubscribe.splice(0)) end();
    this.#dropFrom(0);
  }

  /**
   * As {@link ProofTrieHost.prove}, and waits for a block that is on its way.
   * @throws StrobeError PROOF_NOT_AVAILABLE
   */
  async prove(request: ProofRequest): Promise<StateProof> {
    await this.#untilThere(request.stateRoot);
    return this.#modules.host.prove(request);
  }

  /** As {@link ProofTrieHost.nodes}, and waits as {@link ProofTrieFeed.prove} does. */
  async nodes(request: NodesRequest): Promise<Bytes[]> {
    await this.#untilThere(request.stateRoot);
    return this.#modules.host.nodes(request);
  }

  async #untilThere(stateRoot: Hash): Promise<void> {
    const onTheWay = this.#composing === undefined ? this.#due : [this.#composing, ...this.#due];
    await onTheWay.find(({ header }) => bytesEqual(header.stateRoot, stateRoot))?.settled.promise;
  }

  async #firstBlock(head: number): Promise<BlockEnd> {
    const { state, chain } = this.#modules;
    const safe = await this.#endOf(Math.min(chain.safeNumber() ?? head, head));
    return state.at(safe.lastMiniBlock) === undefined ? this.#endOf(head) : safe;
  }

  async #endOf(blockNumber: number): Promise<BlockEnd> {
    const { chain } = this.#modules;
    const seal = await chain.sealOf(blockNumber);
    if (seal !== undefined) return { header: seal.header, lastMiniBlock: seal.lastNumber };
    const genesis = await chain.blockByNumber(blockNumber);
    invariant(genesis !== undefined, 'blocks from the safe one to the head are stored');
    return { header: genesis.header, lastMiniBlock: genesis.lastMiniBlock };
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
    this.#add({ header, lastMiniBlock });
    if (this.#due.length > MAX_DUE) this.#due.shift()?.settled.resolve();
    if (this.#isCatchingUp) return;
    this.#catchUp().catch((error: unknown) => this.#onFailure(error, header.number));
  }

  #add(end: BlockEnd): void {
    this.#due.push({ ...end, settled: Promise.withResolvers<void>() });
  }

  /** Gives up what ends with this mini-block or a later one. */
  #dropFrom(number: number): void {
    const isDropped = ({ lastMiniBlock }: BlockEnd): boolean => lastMiniBlock >= number;
    for (const { settled } of this.#due.filter(isDropped)) settled.resolve();
    this.#due = this.#due.filter((due) => !isDropped(due));
    if (this.#composing === undefined || !isDropped(this.#composing)) return;
    this.#composing.settled.resolve();
    this.#composing = undefined;
  }

  /** One block after the other, each when the trie has taken in the one before: diffs do not pile up. */
  async #catchUp(): Promise<void> {
    const { netDiffs, host } = this.#modules;
    this.#isCatchingUp = true;
    try {
      for (let next = this.#due.shift(); next !== undefined; next = this.#due.shift()) {
        this.#composing = next;
        // The diff of a block that is undone meanwhile may be any, or none: it is not looked at.
        const isUndone = (): boolean => this.#composing !== next;
        const diff = await netDiffs.compose(this.#at, next.lastMiniBlock).catch((error: unknown) => {
          if (!isUndone()) throw error;
        });
        if (diff === undefined || isUndone()) continue;
        this.#composing = undefined;
        this.#at = next.lastMiniBlock;
        host.apply(diff.bytes);
        const ended = this.#endBlock(next.header);
        // What is asked of the trie from here on it answers behind this block.
        next.settled.resolve();
        await ended;
      }
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /** The store has gone back, the state not yet: what is undone can still be read. */
  #onRollback(number: number): void {
    this.#dropFrom(number + 1);
    if (number < this.#at) this.#goBack(number);
  }

  /** At once, for the state goes back right after; it happens when a sequencer lost the end of its log. */
  #goBack(number: number): void {
    const { host, state } = this.#modules;
    const before = state.at(number);
    const undone = state.netDiff(number, this.#at);
    invariant(before !== undefined && undone !== undefined, 'old values of unsealed and undone blocks are kept');
    host.apply(encodeStateDiff(revertDiff(decodeStateDiff(undone), before)));
    this.#at = number;
  }

  #onFailure(error: unknown, blockNumber: number): void {
    this.stop();
    // A thread that dies shows in `failed`, and one that was stopped is missed by nobody.
    if (isStrobeError(error, 'THREAD_DIED') || isStrobeError(error, 'THREAD_STOPPED')) return;
    this.#modules.logger.error(
      { err: error, blockNumber },
      'the state trie cannot follow: no later block is proven until a restart',
    );
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
