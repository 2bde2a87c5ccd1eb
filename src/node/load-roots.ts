import type { RootsHost } from '../state/roots-host.ts';
import type { StateTable } from '../state/table/state-table.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/**
 * Fills the tries with committed state, which must not change meanwhile, and checks that they come to the root of the
 * sealed head: the stored state is then whole.
 * @throws StrobeError STATE_ROOT_MISMATCH
 */
export async function loadRoots(
  roots: Pick<RootsHost, 'loadTable' | 'ready'>,
  state: Pick<StateTable, 'share'>,
  expectedRoot: Uint8Array,
): Promise<void> {
  roots.loadTable(state.share());
  const root = await roots.ready();
  if (bytesEqual(root, expectedRoot)) return;
  throw new StrobeError('STATE_ROOT_MISMATCH', 'the stored state does not have the state root of the stored head', {
    stored: toHex(root),
    sealed: toHex(expectedRoot),
  });
}
