import type { CommittedState } from '../protocol/ports/state.ts';
import { type AccountDiff, createStateDiff, encodeStateDiff, sortSlots } from '../protocol/state-diff.ts';
import type { RootsHost } from '../state/roots-host.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/** Accounts handed over at once: a message of about 100 kB. */
const ACCOUNTS_PER_MESSAGE = 1_000;

/**
 * Fills the tries with committed state and checks that they come to the root of the sealed head: the stored state is
 * then whole.
 * @throws StrobeError STATE_ROOT_MISMATCH
 */
export async function loadRoots(
  roots: RootsHost,
  state: Pick<CommittedState, 'entries'>,
  expectedRoot: Uint8Array,
): Promise<void> {
  let accounts: AccountDiff[] = [];
  const flush = (): void => {
    if (accounts.length > 0) roots.load(encodeStateDiff(createStateDiff(accounts, [])));
    accounts = [];
  };
  for (const { address, account, slots } of state.entries()) {
    const sorted = sortSlots([...slots]);
    accounts.push({ address, ...account, ...(sorted.length > 0 && { slots: sorted }) });
    if (accounts.length === ACCOUNTS_PER_MESSAGE) flush();
  }
  flush();
  const root = await roots.ready();
  if (bytesEqual(root, expectedRoot)) return;
  throw new StrobeError('STATE_ROOT_MISMATCH', 'the stored state does not have the state root of the stored head', {
    stored: toHex(root),
    sealed: toHex(expectedRoot),
  });
}
