import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AppliedMiniBlock } from '../../src/protocol/ports/chain.ts';
import { rpcLimitsSchema } from '../../src/rpc/limits.ts';
import type { Subscriber } from '../../src/rpc/rpc-caller.ts';
import { SubscriptionHub } from '../../src/rpc/subscriptions/subscription-hub.ts';
import { readSubscription } from '../../src/rpc/subscriptions/subscription-request.ts';
import { toHex } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { ACTOR, MiniBlockFeed } from '../support/mini-block-feed.ts';
import { runs } from '../support/property-runs.ts';

const LIMITS = rpcLimitsSchema.parse({});
const TOPIC = `0x${'00'.repeat(31)}01`;

/** What a client asks for, and what it has to end up with of a mini-block: something that names each message. */
interface Dialect {
  readonly params: readonly unknown[];
  readonly expected: (applied: AppliedMiniBlock, feed: MiniBlockFeed) => readonly string[];
  // biome-ignore lint/suspicious/noExplicitAny: pushes of every shape
  readonly nameOf: (result: any) => string;
}

const hashesOf = ({ transactions }: AppliedMiniBlock): string[] => transactions.map(({ transaction }) => toHex(transaction.hash));
const STATE_CHANGES: Dialect = {
  params: ['stateChanges', [toHex(ACTOR)]],
  expected: (applied, feed) => (feed.changesOf(applied) ?? []).map(({ nonce, balance }) => `${nonce} ${balance}`),
  nameOf: ({ nonce, balance }) => `${nonce} ${BigInt(balance)}`,
};
const DIALECTS: readonly Dialect[] = [
  {
    params: ['miniBlocks', { hashesOnly: true }],
    expected: (applied) => [[applied.miniBlock.envelope.number, ...hashesOf(applied)].join()],
    nameOf: ({ mini_block_number, transactions }) => [mini_block_number, ...transactions].join(),
  },
  { params: ['newFlashblockTransactions'], expected: hashesOf, nameOf: String },
  { params: ['pendingLogs'], expected: hashesOf, nameOf: ({ transactionHash }) => transactionHash },
  {
    params: ['logs', { fromBlock: 'pending', topics: [TOPIC] }],
    expected: (applied) => hashesOf(applied).filter((_, at) => at % 2 === 1),
    nameOf: ({ transactionHash }) => transactionHash,
  },
  STATE_CHANGES,
  // Two, as one that resumes meets what was read for the other.
  STATE_CHANGES,
];

/** Turns in which every client has everything, unless it never has. */
const ROUNDS = 2_000;

interface Cursor {
  readonly epoch: string;
  readonly number: string;
  readonly digest: string;
}

/** A client as the documentation tells it to be. It believes everything that it is told, so it would have gaps and duplicates. */
class Client {
  readonly #hub: SubscriptionHub;
  readonly #dialect: Dialect;
  /** What it has, up to its cursors. */
  #segments: { readonly number: number; readonly cursor: Cursor; readonly names: readonly string[] }[] = [];
  /** What it has got behind the last cursor. */
  #tail: string[] = [];
  #stop: (() => void) | undefined;
  #connection = 0;
  #blocked: PromiseWithResolvers<void> | undefined;
  #isConnecting = false;
  #asked = 0;

  constructor(hub: SubscriptionHub, dialect: Dialect) {
    this.#hub = hub;
    this.#dialect = dialect;
  }

  get names(): string[] {
    return [...this.#segments.flatMap(({ names }) => names), ...this.#tail];
  }

  async connect(): Promise<void> {
    if (this.#isConnecting || this.#stop !== undefined) return;
    this.#isConnecting = true;
    const connection = ++this.#connection;
    const resumeFrom = this.#segments.at(-1)?.cursor ?? 0;
    try {
      const prepared = this.#hub.prepare(readSubscription([...this.#dialect.params, { resumeFrom }].slice(0, 3), LIMITS));
      await prepared.check();
      await nextTurn();
      const stop = prepared.start(this.#subscriber(connection));
      if (connection === this.#connection) this.#stop = stop;
      else stop();
    } catch (error) {
      // The chain went back to before this node started: it will tell once the new chain goes on.
      if (isStrobeError(error, 'RESUME_AHEAD')) return;
      if (!isStrobeError(error, 'RESUME_ORPHANED')) throw error;
      this.#forget(Number(error.meta['data']));
    } finally {
      this.#isConnecting = false;
    }
  }

  disconnect(): void {
    this.#connection++;
    this.#stop?.();
    this.#stop = undefined;
    this.#tail = [];
  }

  /** Stops reading, or reads on. */
  toggle(): void {
    if (this.#blocked === undefined) this.#blocked = Promise.withResolvers();
    else this.unblock();
  }

  unblock(): void {
    this.#blocked?.resolve();
    this.#blocked = undefined;
  }

  #subscriber(connection: number): Subscriber {
    return {
      push: (json, cursorJson) => {
        expect(connection, 'nothing comes after the end').toBe(this.#connection);
        this.#receive(JSON.parse(json), cursorJson === undefined ? undefined : JSON.parse(cursorJson));
      },
      // Every third time it has not kept up, and a resumption takes many turns.
      queuedBytes: () => (this.#blocked !== undefined || ++this.#asked % 3 === 0 ? 1e9 : 0),
      flushed: () => this.#blocked?.promise ?? nextTurn(),
      drop: () => {
        if (connection === this.#connection) this.disconnect();
      },
    };
  }

  // biome-ignore lint/suspicious/noExplicitAny: pushes of every shape
  #receive(result: any, cursor: Cursor | undefined): void {
    if (result === null) {
      expect(this.#tail).toEqual([]);
      this.#forget(Number(cursor?.number));
    } else if (result.removed === true) {
      this.#remove(this.#dialect.nameOf(result));
    } else {
      this.#tail.push(this.#dialect.nameOf(result));
      if (cursor !== undefined) this.#segments.push({ number: Number(cursor.number), cursor, names: this.#tail.splice(0) });
    }
  }

  /** A log that is undone is the last that it has. */
  #remove(name: string): void {
    const last = this.#segments.findLast(({ names }) => names.length > 0);
    expect(last?.names.at(-1)).toBe(name);
    this.#segments = this.#segments.map((segment) =>
      segment === last ? { ...segment, names: segment.names.slice(0, -1) } : segment,
    );
  }

  #forget(above: number): void {
    this.#segments = this.#segments.filter(({ number }) => number <= above);
  }
}

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), count: fc.nat({ max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), back: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('disconnect' as const), who: fc.nat({ max: DIALECTS.length - 1 }) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('connect' as const), who: fc.nat({ max: DIALECTS.length - 1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('toggle' as const), who: fc.nat({ max: DIALECTS.length - 1 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 4 }) }) },
);

test('disconnections, rollbacks and resumptions never give a gap or a duplicate', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        before: fc.nat({ max: 40 }),
        readTurns: fc.nat({ max: 4 }),
        steps: fc.array(step, { maxLength: 100, size: 'max' }),
      }),
      async ({ before, readTurns, steps }) => {
        const feed = new MiniBlockFeed();
        feed.readTurns = readTurns;
        // These are read from the chain, what comes behind them from memory.
        for (let at = 0; at < before; at++) feed.add(at % 3);
        const hub = new SubscriptionHub(LIMITS, {
          backend: feed.backend,
          logger: { error: (_, message) => expect.fail(message) },
        });
        hub.start();
        const clients = DIALECTS.map((dialect) => new Client(hub, dialect));
        const connecting: Promise<void>[] = [];
        for (const next of steps) {
          if (next.kind === 'add') feed.add(next.count);
          else if (next.kind === 'rollback') feed.rollback(Math.max(0, feed.miniBlocks.length - next.back));
          else if (next.kind === 'connect') connecting.push((clients[next.who] as Client).connect());
          else if (next.kind === 'wait') for (let turn = 0; turn < next.turns; turn++) await nextTurn();
          else clients[next.who]?.[next.kind]();
        }
        await Promise.all(connecting);
        for (const client of clients) client.unblock();
        feed.add(2);
        const wanted = DIALECTS.map(({ expected }) => feed.miniBlocks.flatMap((applied) => expected(applied, feed)));
        for (let round = 0; round < ROUNDS; round++) {
          for (const client of clients) await client.connect();
          if (clients.every((client, at) => client.names.length === wanted[at]?.length)) break;
          await nextTurn();
        }
        expect(clients.map((client) => client.names)).toEqual(wanted);
        for (const client of clients) client.disconnect();
        expect(hub.count).toBe(0);
        hub.stop();
      },
    ),
    runs(100),
  );
}, 60_000);
