import type { BlockReexecutor } from '../../src/fullnode/block-reexecutor.ts';
import type { Evidence } from '../../src/fullnode/evidence/evidence.ts';
import type { Finding } from '../../src/fullnode/evidence/finding.ts';
import { verifyEvidence } from '../../src/fullnode/evidence/verify-evidence.ts';
import { StrobeError } from '../../src/util/errors.ts';
import type { ReplicaFixture } from './replica-fixture.ts';

const noReexecution: BlockReexecutor = () => {
  throw new StrobeError('NO_EXECUTION', 'this chain was never executed');
};

/** What a stranger with the genesis file makes of the evidence, after it went through a file. */
export function judge(
  evidence: Evidence | undefined,
  { genesis, identity, builder }: ReplicaFixture,
  reexecute = noReexecution,
): Promise<Finding> {
  if (evidence === undefined) throw new TypeError('there is no evidence');
  const fromFile = JSON.parse(JSON.stringify(evidence)) as Evidence;
  return verifyEvidence(fromFile, { genesis, identity, genesisHeader: builder.genesisHeader }, reexecute);
}
