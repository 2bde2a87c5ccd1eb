import { isStrobeError } from '../../util/errors.ts';
import type { BlockReexecutor } from '../block-reexecutor.ts';
import type { Evidence } from './evidence.ts';
import { type Case, type Finding, notProven } from './finding.ts';
import { judgeContents, judgeEnvironment, judgeParent, judgePosition, judgeTimestamp } from './judge-mini-block.ts';
import { judgeExecution, judgeSeal, judgeStateRoot } from './judge-seal.ts';
import { judgeConflict, judgeEpochStart, judgeEquivocation, judgeMajority, judgeProver } from './judge-signatures.ts';
import { type JudgedChain, SignedMaterial } from './signed-material.ts';

/** How each rule is proven. What is not in here is nobody's fault, such as a node without undo records. */
const JUDGES: Readonly<Record<string, (judged: Case) => Finding | Promise<Finding>>> = {
  EQUIVOCATION: judgeEquivocation,
  WRONG_PARENT: judgeParent,
  WRONG_TIMESTAMP: judgeTimestamp,
  WRONG_POSITION: judgePosition,
  WRONG_ENVIRONMENT: judgeEnvironment,
  WRONG_CONTENTS: judgeContents,
  UNDECODABLE: judgeContents,
  WRONG_STATE_DIFF: judgeContents,
  WRONG_SEAL: judgeSeal,
  WRONG_STATE_ROOT: judgeStateRoot,
  WRONG_EXECUTION: judgeExecution,
  EPOCH_BELOW_SAFE: judgeEpochStart,
  FALSE_SUCCESS: judgeProver,
  PROVER_DISAGREES: judgeProver,
  PROVERS_DISAGREE: judgeMajority,
  CONFLICTING_RESULTS: judgeConflict,
};

/**
 * Says what a piece of evidence proves, from the genesis file alone: nothing that whoever hands it over says is believed,
 * only signatures, hashes and what can be computed again.
 */
export async function verifyEvidence(evidence: Evidence, chain: JudgedChain, reexecute: BlockReexecutor): Promise<Finding> {
  const judge = Object.hasOwn(JUDGES, evidence.rule) ? JUDGES[evidence.rule] : undefined;
  if (judge === undefined) return notProven(`${evidence.rule} accuses nobody of anything that messages could prove`);
  const material = new SignedMaterial(evidence, chain);
  const finding = await judgeSafely(judge, { evidence, material, chain, reexecute });
  if (finding.isProven || material.refused === 0) return finding;
  return notProven(`${finding.statement} (${material.refused} messages in it are not signed by anyone who may)`);
}

/** Whoever made the evidence up may have put anything into its unsigned parts. */
async function judgeSafely(judge: (judged: Case) => Finding | Promise<Finding>, judged: Case): Promise<Finding> {
  try {
    return await judge(judged);
  } catch (error) {
    if (isStrobeError(error)) return notProven(`a part of it cannot be read: ${error.message}`);
    throw error;
  }
}
