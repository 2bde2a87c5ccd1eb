import { decodeBody, encodeMiniBlock, type MiniBlock } from '../../protocol/mini-block.ts';
import { type BlockSeal, blockHashOf, encodeBlockSeal } from '../../protocol/sequencer-messages.ts';
import { decodeStateDiff } from '../../protocol/state-diff.ts';
import { decodeTransaction } from '../../protocol/transaction.ts';
import { changesAllItLists } from '../../state/net-diff-check.ts';
import { verifyRootTransition } from '../../state/witness/witness-check.ts';
import { type Bytes, bytesEqual, fromHex, toHex } from '../../util/bytes.ts';
import { errorMessage, isStrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { MAX_WITNESS_BYTES, wrongHeaderField } from '../seal-rules.ts';
import { type Case, type Finding, notProven, proven } from './finding.ts';
import type { SignedMaterial } from './signed-material.ts';

const NO_SEAL = notProven('the signed seal is not in it');

/** WRONG_SEAL: the seal does not describe the mini-blocks that it commits to, or not their diff. */
export function judgeSeal(judged: Case): Finding {
  const { material } = judged;
  const accused = material.accusedSeal;
  if (accused === undefined) return NO_SEAL;
  const { seal, signer } = accused;
  const what = `the sequencer signed the seal of block ${seal.header.number} with a wrong`;
  if (seal.witnessBytes > MAX_WITNESS_BYTES) return proven(`${what} witnessBytes: none may be so large`);
  const rival = material.miniBlocks.find(({ miniBlock: { envelope, digest }, signer: other }) => {
    const isItsLast = envelope.number === seal.lastNumber && envelope.epoch === seal.epoch;
    return isItsLast && bytesEqual(other, signer) && !bytesEqual(digest, seal.lastDigest);
  });
  if (rival !== undefined) return proven(`${what} lastDigest: it signed another mini-block ${seal.lastNumber} in that epoch`);
  const field = wrongField(seal, material);
  if (field !== undefined) return proven(`${what} ${field}`);
  return judgeDiffDigest(judged, seal, what);
}

function wrongField(seal: BlockSeal, material: SignedMaterial): string | undefined {
  const miniBlocks = chainedTo(seal, material);
  const [first] = miniBlocks;
  if (first === undefined) return undefined;
  if (miniBlocks.some(({ envelope }) => envelope.blockNumber !== seal.header.number)) return 'number or firstNumber';
  if (miniBlocks.at(-1)?.envelope.number !== seal.lastNumber) return 'lastNumber';
  const { env, number } = first.envelope;
  // Only the first mini-block of a block carries its environment.
  if ((env === undefined) === (number === seal.firstNumber)) return 'firstNumber';
  if (env === undefined) return undefined;
  const transactions = miniBlocks.flatMap(({ bodyPayload, envelope }) => {
    const { transactions: raws, receipts } = decodeBody(bodyPayload, envelope);
    return raws.flatMap(({ raw }, i) => {
      const receipt = receipts[i];
      return receipt === undefined ? [] : [{ transaction: decodeTransaction(raw), receipt }];
    });
  });
  const gasUsed = transactions.at(-1)?.receipt.cumulativeGasUsed ?? 0n;
  return wrongHeaderField(seal.header, { open: { env, gasUsed }, transactions });
}

/** The mini-blocks that the seal commits to, as far down as they are there; the digests leave no choice. */
function chainedTo(seal: BlockSeal, material: SignedMaterial): MiniBlock[] {
  const miniBlocks: MiniBlock[] = [];
  let digest = seal.lastDigest;
  for (;;) {
    const miniBlock = material.miniBlock(digest);
    if (miniBlock === undefined) return miniBlocks;
    miniBlocks.unshift(miniBlock);
    if (miniBlock.envelope.number <= seal.firstNumber) return miniBlocks;
    digest = miniBlock.envelope.parentDigest;
  }
}

/**
 * The net diff between two states is one only, so a diff that leads from the parent's root to the sealed one and has
 * another digest shows the sealed digest wrong. What is not fixed is which codes were new to the chain; a diff that links
 * none has no such choice.
 */
function judgeDiffDigest({ evidence, material }: Case, seal: BlockSeal, what: string): Finding {
  const parent = material.header(seal.header.parentHash);
  const { witness, netDiff } = evidence;
  if (parent === undefined || netDiff === undefined || witness === undefined) {
    return notProven(
      'what is in it fits the seal; its stateDiffDigest is judged by parent, witness and net diff, a registryDigest by the whole registry',
    );
  }
  const diffBytes = fromHex(netDiff);
  if (bytesEqual(keccak256(diffBytes), seal.stateDiffDigest))
    return notProven('the seal fits what is in it; a registryDigest needs the whole registry');
  if (linksCodes(diffBytes))
    return notProven('the block creates codes, and which of them were new to the chain only a node knows');
  const outcome = checkTransition(fromHex(witness), diffBytes, parent.stateRoot, seal.header.stateRoot);
  if (outcome !== undefined) return notProven(`the net diff does not lead to the sealed root either: ${outcome.message}`);
  if (!changesAllItLists(fromHex(witness), parent.stateRoot, diffBytes))
    return notProven('the net diff lists what does not change');
  return proven(`${what} stateDiffDigest: the one diff from the parent's state root to the sealed one has another digest`);
}

function linksCodes(diffBytes: Bytes): boolean {
  const { accounts, codes } = decodeStateDiff(diffBytes);
  return codes.length > 0 || accounts.some(({ codeHash }) => codeHash !== undefined);
}

/** WRONG_STATE_ROOT: the diff with the sealed digest leads from the parent's root to another root than the sealed one. */
export function judgeStateRoot({ evidence, material }: Case): Finding {
  const seal = material.accusedSeal?.seal;
  if (seal === undefined) return NO_SEAL;
  const parent = material.header(seal.header.parentHash);
  const { witness, netDiff } = evidence;
  if (parent === undefined) return notProven('the header of the block before is not in it');
  if (witness === undefined || netDiff === undefined) return notProven('the witness or the net diff is not in it');
  const diffBytes = fromHex(netDiff);
  if (!bytesEqual(keccak256(diffBytes), seal.stateDiffDigest)) return notProven('the net diff is not the one that was sealed');
  const outcome = checkTransition(fromHex(witness), diffBytes, parent.stateRoot, seal.header.stateRoot);
  if (outcome === undefined) return notProven('the sealed diff leads to the sealed root');
  if (outcome.code !== 'STATE_ROOT_MISMATCH') return notProven(`the witness proves nothing: ${outcome.message}`);
  return proven(
    `the sequencer signed block ${seal.header.number} with state root ${toHex(seal.header.stateRoot)}, to which its own state diff does not lead`,
  );
}

function checkTransition(
  witness: Bytes,
  diffBytes: Bytes,
  preStateRoot: Bytes,
  postStateRoot: Bytes,
): { code: string; message: string } | undefined {
  try {
    verifyRootTransition(witness, { preStateRoot, postStateRoot, diffBytes });
    return undefined;
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    return { code: error.code, message: errorMessage(error) };
  }
}

/** WRONG_EXECUTION: executing the block again gives something else than what was signed. */
export async function judgeExecution({ evidence, material, reexecute }: Case): Promise<Finding> {
  const seal = material.accusedSeal?.seal;
  if (seal === undefined) return NO_SEAL;
  if (evidence.witness === undefined) return notProven('the witness is not in it');
  const miniBlocks = chainedTo(seal, material).map(encodeMiniBlock);
  try {
    const reasons = await reexecute({ seal: encodeBlockSeal(seal), miniBlocks, witness: fromHex(evidence.witness) });
    if (reasons.length === 0) return notProven(`executing block ${seal.header.number} again gives what was signed`);
    return proven(`the sequencer signed block ${seal.header.number} (${toHex(blockHashOf(seal))}) wrong: ${reasons.join('; ')}`);
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    return notProven(`the block cannot be executed again: ${error.message}`);
  }
}
