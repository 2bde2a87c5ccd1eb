import { SubscriptionClient } from '../../../src/bench/subscription-client.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { nodeInfo } from '../../support/json-rpc.ts';
import { page } from '../../support/node-process.ts';
import type { RunningRole } from '../../support/role-processes.ts';

/** How often the replica is asked for its state. */
const POLL_MS = 250;

/** Looks at a replica as its users do: when it shows which mini-block, and what it says of itself. */
export class ReplicaWatch implements AsyncDisposable {
  /** When a mini-block was pushed, by number; performance.now(). */
  readonly visibleAtMs: number[] = [];
  /** How many answers named which state. */
  readonly states = new Map<string, number>();
  newest = 0;
  readonly #replica: RunningRole;
  readonly #client: SubscriptionClient;
  readonly #poll: NodeJS.Timeout;
  #isPolling = false;
  #failure: StrobeError | undefined;

  private constructor(replica: RunningRole) {
    this.#replica = replica;
    this.#client = new SubscriptionClient(replica.rpcUrl.replace('http', 'ws'), {
      onNotification: (result, atMs) =>
        this.#onMiniBlock(Number((result as { mini_block_number: number }).mini_block_number), atMs),
      onLost: (error) => {
        this.#failure = error;
      },
    });
    this.#poll = setInterval(() => void this.#askState(), POLL_MS);
  }

  static async start(replica: RunningRole): Promise<ReplicaWatch> {
    const watch = new ReplicaWatch(replica);
    await watch.#client.connect();
    await watch.#client.call('eth_subscribe', ['miniBlocks', { hashesOnly: true }]);
    return watch;
  }

  /** Forgets the states so far. */
  beginMeasuring(): void {
    this.states.clear();
  }

  #onMiniBlock(number: number, atMs: number): void {
    this.visibleAtMs[number] ??= atMs;
    this.newest = Math.max(this.newest, number);
  }

  async #askState(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    const state = await nodeInfo(this.#replica.rpcUrl).then(
      (info) => info.state,
      () => 'no answer',
    );
    this.states.set(state, (this.states.get(state) ?? 0) + 1);
    this.#isPolling = false;
  }

  /** Resolves when the replica shows mini-block `number`. @throws StrobeError when it died or takes too long */
  async reaches(number: number, timeoutMs: number): Promise<void> {
    const isThere = (): boolean => {
      if (this.#failure !== undefined) throw this.#failure;
      return this.newest >= number;
    };
    await this.#replica.process.until(isThere, `mini-block ${number} is visible`, timeoutMs);
  }

  /** Values of the replica's metrics, summed over their labels. */
  async metrics(names: readonly string[]): Promise<Map<string, number>> {
    const answer = await page(`${this.#replica.metricsUrl}/metrics`);
    if (answer === undefined) throw new StrobeError('NO_METRICS', 'the replica serves no metrics');
    const rows = answer.body.split('\n');
    const sumOf = (name: string): number => {
      const own = rows.filter((row) => row.startsWith(`${name} `) || row.startsWith(`${name}{`));
      return own.reduce((sum, row) => sum + Number(row.split(' ').at(-1)), 0);
    };
    return new Map(names.map((name) => [name, sumOf(name)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#poll);
    this.#client.close();
  }
}
