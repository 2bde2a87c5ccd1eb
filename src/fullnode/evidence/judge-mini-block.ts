import { compactDiffCodes } from '../../protocol/compact-diff/codes.ts';
import { decodeBody, type MiniBlock, type MiniBlockBody } from '../../protocol/mini-block.ts';
import type { Address, Hash } from '../../protocol/primitives.ts';
import { blockHashOf } from '../../protocol/sequencer-messages.ts';
import { decodeTransaction } from '../../protocol/transaction.ts';
import { bytesEqual } from '../../util/bytes.ts';
import { errorMessage, isStrobeError } from '../../util/errors.ts';
import { checkReceipts, wrongEnvironmentField } from '../mini-block-rules.ts';
import { isSequencerFault } from '../sequencer-fault.ts';
import { type Case, type Finding, notProven, proven } from './finding.ts';
import type { SignedMaterial } from './signed-material.ts';

const NO_MINI_BLOCK = notProven('the signed mini-block is not in it');

/** What the mini-block before has to be, as far as signatures fix it: its digest, and where it is known itself. */
interface Predecessor {
  readonly digest: Hash;
}

/** WRONG_PARENT: of one epoch and key, the mini-block before has another digest than the one that is named. */
export function judgeParent({ material, chain }: Case): Finding {
  const accused = material.accusedMiniBlock;
  if (accused === undefined) return NO_MINI_BLOCK;
  const { number, parentDigest } = accused.miniBlock.envelope;
  const before = predecessorOf(accused.miniBlock, accused.signer, material, chain.identity.genesisHash);
  if (before === undefined) return notProven(`what mini-block ${number} has to continue is not in it`);
  if (bytesEqual(before.digest, parentDigest)) return notProven(`mini-block ${number} continues the one before`);
  return proven(`the sequencer signed mini-block ${number} behind another one than its own mini-block ${number - 1}`);
}

function predecessorOf(
  { envelope }: MiniBlock,
  signer: Address,
  { epochStarts, miniBlocks }: SignedMaterial,
  genesisHash: Hash,
): Predecessor | undefined {
  const { number, epoch } = envelope;
  // The first mini-block of an epoch continues what its start names, whatever was signed in older epochs.
  const start = epochStarts.find(
    (candidate) => candidate.epoch === epoch && candidate.lastNumber === number - 1 && bytesEqual(candidate.sequencerKey, signer),
  );
  if (start !== undefined) return { digest: start.lastDigest };
  if (number === 1) return { digest: genesisHash };
  return miniBlocks.find(
    (candidate) =>
      candidate.miniBlock.envelope.number === number - 1 &&
      candidate.miniBlock.envelope.epoch === epoch &&
      bytesEqual(candidate.signer, signer),
  )?.miniBlock;
}

/** WRONG_TIMESTAMP: the mini-block that it names as the one before is not older. */
export function judgeTimestamp({ material }: Case): Finding {
  const accused = material.accusedMiniBlock?.miniBlock.envelope;
  if (accused === undefined) return NO_MINI_BLOCK;
  const before = material.miniBlock(accused.parentDigest)?.envelope;
  if (before === undefined) return notProven('the mini-block before is not in it');
  if (accused.timestampUs > before.timestampUs) return notProven('the timestamp increases');
  return proven(`the sequencer signed mini-block ${accused.number} with a timestamp that is not behind its parent's`);
}

/** WRONG_POSITION: its place in the blocks does not follow that of the mini-block that it names as the one before. */
export function judgePosition({ material, chain }: Case): Finding {
  const accused = material.accusedMiniBlock?.miniBlock.envelope;
  if (accused === undefined) return NO_MINI_BLOCK;
  const { blockNumber, index, parentDigest } = accused;
  const wrong = proven(`the sequencer signed mini-block ${accused.number} at ${blockNumber}/${index}, where it cannot stand`);
  if (bytesEqual(parentDigest, chain.identity.genesisHash)) {
    return blockNumber === 1 && index === 0 ? notProven('the chain begins there') : wrong;
  }
  const before = material.miniBlock(parentDigest)?.envelope;
  if (before === undefined) return notProven('the mini-block before is not in it');
  const isNextBlock = blockNumber === before.blockNumber + 1 && index === 0;
  const goesOn = blockNumber === before.blockNumber && index === before.index + 1;
  if (!isNextBlock && !goesOn) return wrong;
  const isSealed = material.seals.some(({ lastDigest }) => bytesEqual(lastDigest, parentDigest));
  return goesOn && isSealed ? wrong : notProven('its place follows that of the one before');
}

/** WRONG_ENVIRONMENT: the block that it opens does not follow from the header of the block before. */
export function judgeEnvironment({ material, chain }: Case): Finding {
  const accused = material.accusedMiniBlock?.miniBlock.envelope;
  if (accused === undefined) return NO_MINI_BLOCK;
  const { env, number, parentDigest } = accused;
  if (env === undefined) return notProven(`mini-block ${number} opens no block`);
  const { genesisHash } = chain.identity;
  const seal = material.seals.find(({ lastDigest }) => bytesEqual(lastDigest, parentDigest));
  const parent = bytesEqual(parentDigest, genesisHash)
    ? { header: chain.genesisHeader, hash: genesisHash }
    : seal && { header: seal.header, hash: blockHashOf(seal) };
  if (parent === undefined) return notProven('the seal of the block before is not in it');
  const wrong = wrongEnvironmentField(env, parent, chain.genesis);
  if (wrong === undefined) return notProven('the environment follows from the block before');
  return proven(`the sequencer signed mini-block ${number}, which opens block ${env.number} with a wrong ${wrong}`);
}

/** WRONG_CONTENTS, UNDECODABLE: what the body or the diff says cannot be, or cannot be read. */
export function judgeContents(judged: Case): Finding {
  const miniBlock = judged.material.accusedMiniBlock?.miniBlock;
  if (miniBlock === undefined) return NO_MINI_BLOCK;
  const { number } = miniBlock.envelope;
  const problem = contentProblem(miniBlock, judged);
  if (problem !== undefined) return proven(`the sequencer signed mini-block ${number} with wrong contents: ${problem}`);
  return notProven(
    `its body can be read and keeps the rules; a state diff is judged beside the state of mini-block ${number - 1}, which only a node has`,
  );
}

function contentProblem(miniBlock: MiniBlock, judged: Case): string | undefined {
  try {
    const body = decodeBody(miniBlock.bodyPayload, miniBlock.envelope);
    const decoded = body.transactions.map(({ raw }) => decodeTransaction(raw));
    compactDiffCodes(miniBlock.diffPayload);
    const before = gasUsedBefore(miniBlock, judged.material);
    if (before === undefined) return undefined;
    checkReceipts(miniBlock.envelope.number, { body, decoded }, before, judged.chain.genesis.gasLimit);
    return undefined;
  } catch (error) {
    if (isStrobeError(error) || isSequencerFault(error)) return errorMessage(error);
    throw error;
  }
}

/** In its block, as the receipts before say; undefined when these are not in the evidence. */
function gasUsedBefore({ envelope }: MiniBlock, material: SignedMaterial): bigint | undefined {
  let { index, parentDigest } = envelope;
  while (index > 0) {
    const before = material.miniBlock(parentDigest);
    if (before === undefined) return undefined;
    const last = receiptsOf(before).at(-1);
    if (last !== undefined) return last.cumulativeGasUsed;
    ({ index, parentDigest } = before.envelope);
  }
  return 0n;
}

function receiptsOf({ bodyPayload, envelope }: MiniBlock): MiniBlockBody['receipts'] {
  return decodeBody(bodyPayload, envelope).receipts;
}
