import { decodeStateDiff } from '../protocol/state-diff.ts';
import { serveThread } from '../util/thread.ts';
import { verifyRootTransition } from './witness-check.ts';
import type { WitnessCheckRequest } from './witness-thread.ts';

serveThread({
  verify: ({ witness, preStateRoot, postStateRoot, diffBytes }: WitnessCheckRequest) =>
    verifyRootTransition(witness, { preStateRoot, postStateRoot, diff: decodeStateDiff(diffBytes) }),
});
