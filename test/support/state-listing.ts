import type { CommittedState, StateView } from '../../src/protocol/ports/state.ts';
import type { SnapshotLoader, StateSnapshot } from '../../src/protocol/ports/state-snapshot.ts';
import { type Address, EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import type { StateRows } from '../../src/protocol/row-diff.ts';
import { bytesEqual, toKey } from '../../src/util/bytes.ts';

/** Committed state that can be packed and restored. */
export interface RestorableState extends CommittedState {
  snapshot(number: number): StateSnapshot | undefined;
  /** Fills this state, which is empty, from a snapshot. */
  loader(): SnapshotLoader;
}

/** What can be read of some accounts, as text. */
export function listAccounts(state: StateView, addresses: readonly Address[]): string[] {
  return addresses.map((address) => {
    const account = state.getAccount(address);
    const slots = [...state.storageOf(address)].map(({ key, value }) => `${toKey(key)}=${toKey(value)}`).sort();
    if (account === undefined) return `${toKey(address)} none ${slots}`;
    const { nonce, balance, codeHash } = account;
    const code = bytesEqual(codeHash, EMPTY_CODE_HASH) ? 'none' : state.getCode(codeHash);
    return `${toKey(address)} ${nonce} ${balance} ${toKey(codeHash)} ${code} ${slots}`;
  });
}

/** All of a state, as text: what `entries` lists. */
export function listState(state: CommittedState): string[] {
  return listAccounts(
    state,
    [...state.entries()].map(({ address }) => address),
  ).sort();
}

/** All rows, as text. */
export function listRows(rows: StateRows): string[] {
  const bytes = new Uint8Array(64);
  const accounts = Array.from({ length: rows.accountCount }, (_, row) => {
    rows.readAddress(row, bytes, 0);
    rows.readBalance(row, bytes, 20);
    return `account ${toKey(bytes.subarray(0, 52))} ${rows.nonceOf(row)}`;
  });
  const slots = Array.from({ length: rows.slotCount }, (_, row) => {
    rows.readSlotKey(row, bytes, 0);
    rows.readSlotValue(row, bytes, 32);
    return `slot ${rows.slotAccount(row)} ${toKey(bytes)}`;
  });
  return [...accounts, ...slots];
}

/** Fills `target` with what `source` was at the end of mini-block `number`. */
export function restoreInto(target: RestorableState, source: RestorableState, number: number, chunkBytes: number): void {
  const snapshot = source.snapshot(number) as StateSnapshot;
  const loader = target.loader();
  for (const chunk of snapshot.chunks(chunkBytes)) loader.add(chunk);
  loader.finish(number, snapshot.mark);
}
