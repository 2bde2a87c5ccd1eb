import { serveThread } from '../../util/thread.ts';
import { verifyRootTransition } from './witness-check.ts';
import type { WitnessCheckRequest } from './witness-thread.ts';

serveThread({
  verify: ({ witness, claim }: WitnessCheckRequest) => verifyRootTransition(witness, claim),
});
