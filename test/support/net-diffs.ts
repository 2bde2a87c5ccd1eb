import type { CommittedState, NetDiffComposer } from '../../src/protocol/ports/state.ts';
import { decodeStateDiff, type StateDiff } from '../../src/protocol/state-diff.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from './defined.ts';

/** The net diff of a range that is kept. */
export function netDiffOf(state: Pick<CommittedState, 'netDiff'>, from: number, to: number): StateDiff {
  return decodeStateDiff(defined(state.netDiff(from, to)));
}

/** Composes on the calling thread. */
export function inlineNetDiffs(state: CommittedState): NetDiffComposer {
  return {
    compose: async (from, to) => {
      const bytes = state.netDiff(from, to);
      if (bytes === undefined) throw new StrobeError('STATE_FORGOTTEN', 'old values do not reach back');
      return { bytes, digest: keccak256(bytes) };
    },
  };
}
