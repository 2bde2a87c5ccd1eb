import type { BlockHeader } from '../../../src/protocol/block-header.ts';
import {
  decodeBody,
  encodeBody,
  type MiniBlock,
  type MiniBlockBody,
  type MiniBlockEnvelope,
  signMiniBlock,
} from '../../../src/protocol/mini-block.ts';
import {
  type BlockSeal,
  blockSealDigest,
  splitWitness,
  withSignature,
  witnessDigest,
} from '../../../src/protocol/sequencer-messages.ts';
import { type StateDiff, stateDiffDigest } from '../../../src/protocol/state-diff.ts';
import { decodeWitness, encodeWitness, type Witness } from '../../../src/protocol/witness.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { assembleBlock, type ExecutedBlock } from '../../support/executed-chain.ts';
import { plainDiffPayload, readPlainDiff } from '../../support/plain-diff.ts';
import { testSigner } from '../../support/test-accounts.ts';

/** What a lying sequencer changes before it signs; mini-blocks by their position in the block. */
export interface Forgery {
  readonly header?: Partial<BlockHeader>;
  readonly seal?: Partial<BlockSeal>;
  readonly envelopes?: ReadonlyMap<number, Partial<MiniBlockEnvelope>>;
  readonly body?: { readonly at: number; readonly change: (body: MiniBlockBody) => MiniBlockBody };
  readonly diff?: { readonly at: number; readonly change: (diff: StateDiff) => StateDiff };
  readonly witness?: (witness: Witness) => Partial<Witness>;
  /** Signs everything; the sequencer when absent. */
  readonly signer?: string;
}

/** The block with changes, digests chained and everything signed again. */
export function forge(block: ExecutedBlock, forgery: Forgery): ExecutedBlock {
  const signer = testSigner(forgery.signer ?? 'sequencer');
  const miniBlocks: MiniBlock[] = [];
  for (const [at, original] of block.miniBlocks.entries()) {
    const parentDigest = miniBlocks.at(-1)?.digest ?? original.envelope.parentDigest;
    const contents = forgeContents(original, at, forgery);
    const unsigned = { ...original.envelope, parentDigest, ...contents.envelope, ...forgery.envelopes?.get(at) };
    miniBlocks.push({ ...contents, ...signMiniBlock(unsigned, signer) });
  }
  const witness = forgeWitness(block.witness, forgery);
  const chunkHashes = splitWitness(witness).map(keccak256);
  const unsigned = {
    ...block.seal,
    lastDigest: miniBlocks.at(-1)?.digest ?? block.seal.lastDigest,
    witnessDigest: witnessDigest(chunkHashes),
    witnessBytes: witness.length,
    ...forgery.seal,
    header: { ...block.seal.header, ...forgery.header },
  };
  const seal = withSignature(unsigned, blockSealDigest(unsigned), signer);
  return assembleBlock(seal, miniBlocks, block.receipts, witness, chunkHashes);
}

function forgeContents({ envelope, diffPayload, bodyPayload }: MiniBlock, at: number, forgery: Forgery) {
  const changed: { -readonly [K in keyof MiniBlockEnvelope]?: MiniBlockEnvelope[K] } = {};
  let [diff, body] = [diffPayload, bodyPayload];
  if (forgery.body?.at === at) {
    const encoded = encodeBody(forgery.body.change(decodeBody(bodyPayload, envelope)));
    body = encoded.payload;
    changed.transactionsDigest = encoded.transactionsDigest;
    changed.receiptsDigest = encoded.receiptsDigest;
    changed.bodyPayloadDigest = keccak256(body);
  }
  if (forgery.diff?.at === at) {
    const forged = forgery.diff.change(readPlainDiff(diffPayload));
    diff = plainDiffPayload(forged);
    changed.stateDiffDigest = stateDiffDigest(forged);
    changed.diffPayloadDigest = keccak256(diff);
  }
  return { envelope: changed, diffPayload: diff, bodyPayload: body };
}

function forgeWitness(witness: Bytes, forgery: Forgery): Bytes {
  if (forgery.witness === undefined) return witness;
  const decoded = decodeWitness(witness);
  return encodeWitness({ ...decoded, ...forgery.witness(decoded) });
}
