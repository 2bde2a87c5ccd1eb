import type { CommittedState } from '../protocol/ports/state.ts';
import type { RootsHost } from '../state/roots-host.ts';
import { stateAsDiffs } from '../state/state-as-diffs.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

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
  for (const diffBytes of stateAsDiffs(state.entries())) roots.load(diffBytes);
  const root = await roots.ready();
  if (bytesEqual(root, expectedRoot)) return;
  throw new StrobeError('STATE_ROOT_MISMATCH', 'the stored state does not have the state root of the stored head', {
    stored: toHex(root),
    sealed: toHex(expectedRoot),
  });
}
