import type { IndexedTransaction } from '../../src/protocol/ports/chain.ts';
import type { AccountChange, StateChangeReader } from '../../src/protocol/ports/state-changes.ts';
import type { Account } from '../../src/protocol/primitives.ts';
import { fromKey, padTo32, toKey } from '../../src/util/bytes.ts';

/** The value that the fake chain's logger writes to the slot of each topic that it logs. */
const LOGGED = padTo32(Uint8Array.of(7));

/** What the mini-blocks of a fake chain changed, recorded as they are made. A test may change it, or take it away. */
export class FakeStateChanges implements StateChangeReader {
  readonly byNumber = new Map<number, readonly AccountChange[]>();
  /** What the reads asked for, in order. */
  readonly reads: { number: number; wanted: ReadonlySet<string> | undefined }[] = [];

  record(
    number: number,
    changes: {
      before: ReadonlyMap<string, Account>;
      after: ReadonlyMap<string, Account>;
      transactions: readonly IndexedTransaction[];
    },
  ): void {
    const { before, after, transactions } = changes;
    const logs = transactions.flatMap(({ receipt }) => receipt.logs);
    const changed = [...after].filter(([key, account]) => before.get(key) !== account);
    this.byNumber.set(
      number,
      changed.sort().map(([key, { nonce, balance }]) => {
        const topics = logs.filter(({ address }) => toKey(address) === key).flatMap((log) => log.topics);
        const slots = topics.map((topic) => ({ key: topic, value: LOGGED }));
        return { address: fromKey(key), deleted: false, nonce, balance, code: undefined, slots };
      }),
    );
  }

  async of(number: number, wanted?: ReadonlySet<string>): Promise<readonly AccountChange[] | undefined> {
    this.reads.push({ number, wanted });
    return this.byNumber.get(number)?.filter(({ address }) => wanted === undefined || wanted.has(toKey(address)));
  }
}
