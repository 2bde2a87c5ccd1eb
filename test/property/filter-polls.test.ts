import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { decodeTransaction, type Transaction } from '../../src/protocol/transaction.ts';
import { FilterRegistry } from '../../src/rpc/filter-registry.ts';
import { readLogCriteria } from '../../src/rpc/log-criteria.ts';
import { fromHex, type Hex, toHex, toKey } from '../../src/util/bytes.ts';
import { FakeChain } from '../support/fake-backend.ts';
import { LOGGER } from '../support/fake-contracts.ts';
import { runs } from '../support/property-runs.ts';
import { ALICE, signTransfer } from '../support/rpc-harness.ts';

const TOPICS = 6;
const topicOf = (number: number): Hex => `0x${number.toString(16).padStart(64, '0')}`;
/** The filter wants every other one. */
const WANTED = [0, 2, 4].map(topicOf);
const CRITERIA = readLogCriteria({ topics: [WANTED] }, { maxLogAlternatives: 10 });

let transactions: readonly Transaction[];
beforeAll(async () => {
  const raw = await Promise.all(
    Array.from({ length: TOPICS }, (_, nonce) => signTransfer({ nonce, to: toHex(LOGGER), data: topicOf(nonce) })),
  );
  transactions = raw.map((each) => decodeTransaction(fromHex(each)));
});

interface PolledLog {
  readonly blockHash: string;
  readonly blockNumber: string;
  readonly logIndex: string;
  readonly removed: boolean;
}

const keyOf = ({ blockHash, logIndex }: Omit<PolledLog, 'removed' | 'blockNumber'>): string => `${blockHash} ${logIndex}`;

type Step =
  | { readonly kind: 'seal'; readonly logs: readonly number[] }
  | { readonly kind: 'rollback'; readonly blocks: number }
  /** Polls without waiting for the answer. */
  | { readonly kind: 'poll' }
  | { readonly kind: 'turn' };

const STEPS: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('seal' as const), logs: fc.array(fc.nat(TOPICS - 1), { maxLength: 5 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), blocks: fc.nat(4) }) },
    { weight: 3, arbitrary: fc.constant({ kind: 'poll' as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'turn' as const }) },
  ),
  { maxLength: 30 },
);

/** The logs that a chain has above a block and the filter wants. */
function logsAbove(chain: FakeChain, floor: number): string[] {
  return chain.blocks.slice(floor + 1).flatMap(({ hash, transactions: included }) =>
    included.flatMap(({ receipt, firstLogIndex }) =>
      receipt.logs.flatMap(({ topics }, at) => {
        const isWanted = topics[0] !== undefined && WANTED.includes(toHex(topics[0]));
        return isWanted ? [keyOf({ blockHash: toHex(hash), logIndex: `0x${(firstLogIndex + at).toString(16)}` })] : [];
      }),
    ),
  );
}

function apply(chain: FakeChain, step: Step): void {
  const sender = fromHex(ALICE.address);
  if (step.kind === 'rollback') chain.rollback(Math.max(0, chain.blocks.length - 1 - step.blocks));
  if (step.kind !== 'seal') return;
  for (const [at, number] of step.logs.entries()) {
    const transaction = transactions[number] as Transaction;
    chain.pool.set(`${at} ${toKey(transaction.hash)}`, { transaction, sender });
  }
  chain.seal();
}

test('whoever believes every poll of a filter has the logs of the chain, each once', async () => {
  await fc.assert(
    fc.asyncProperty(STEPS, STEPS, async (before, after) => {
      const chain = new FakeChain();
      chain.fund(fromHex(ALICE.address), 10n ** 18n);
      const { chain: reader, transactions: sink } = chain.backend;
      const limits = { maxFilters: 1, filterTtlMs: 60_000, maxFilterQueue: 1_000 };
      const filters = new FilterRegistry(limits, { chain: reader, transactions: sink });
      filters.start();
      for (const step of before) apply(chain, step);
      const installedAt = chain.blocks.length - 1;
      let floor = installedAt;
      const id = await filters.addLogFilter(CRITERIA);
      const polls: Promise<readonly unknown[]>[] = [];
      for (const step of after) {
        apply(chain, step);
        floor = Math.min(floor, chain.blocks.length - 1);
        if (step.kind === 'poll') polls.push(filters.changes(id));
        if (step.kind === 'turn') await nextTurn();
      }
      const held = new Set<string>();
      const believe = (logs: readonly PolledLog[]): void => {
        for (const log of logs) {
          if (!log.removed) expect(held.has(keyOf(log))).toBe(false);
          // Logs from before the filter are told as removed, too: who installed it may know them.
          else if (Number(log.blockNumber) > installedAt) expect(held.has(keyOf(log))).toBe(true);
          if (log.removed) held.delete(keyOf(log));
          else held.add(keyOf(log));
        }
      };
      for (const poll of polls) believe((await poll) as PolledLog[]);
      for (;;) {
        const rest = (await filters.changes(id)) as PolledLog[];
        if (rest.length === 0) break;
        believe(rest);
      }
      filters.stop();
      expect([...held].sort()).toEqual(logsAbove(chain, floor).sort());
    }),
    runs(200),
  );
});
