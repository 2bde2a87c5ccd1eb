import type { Attestation } from '../../protocol/attestation.ts';
import type { ChainReader } from '../../protocol/ports/chain.ts';
import { toHex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { formatBlockStatus } from '../format-block-status.ts';
import { formatMiniBlock } from '../format-mini-block.ts';
import { earliestBlock, readAtBlock } from '../read-blocks.ts';
import { readSafeInteger } from '../read-params.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** The node and where it stands, with what its role adds. */
export const strobeNodeInfo: RpcMethod<undefined> = {
  name: 'strobe_nodeInfo',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend: { node, chain, stateHistory } }) => {
    const oldestBlock = await earliestBlock(chain);
    const head = chain.head();
    return {
      ...(await node.describe()),
      role: node.role,
      version: node.version,
      chainId: quantity(chain.chainId),
      genesisHash: toHex(chain.genesisHash),
      head: { number: quantity(head.header.number), hash: toHex(head.hash) },
      oldestBlock: quantity(oldestBlock),
      oldestState: quantity(stateHistory.oldestState()),
      miniBlockNumber: quantity(chain.miniBlockNumber()),
      safe: quantityOrNull(chain.safeNumber()),
      finalized: quantityOrNull(chain.finalizedNumber()),
      peerCount: quantity(await node.peerCount()),
    };
  },
};

/** The node's peers and how they behaved, worst first. Without addresses: this is an answer for anyone who asks. */
export const strobePeers: RpcMethod<undefined> = {
  name: 'strobe_peers',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend }) => {
    const standings = await backend.node.peers();
    return standings.map(({ direction, ...standing }) => ({ ...standing, direction: direction ?? null }));
  },
};

/** A durable mini-block by its number, a plain number or hex; null when there is none. */
export const strobeMiniBlock: RpcMethod<{ number: number }> = {
  name: 'strobe_miniBlock',
  maxParams: 1,
  parse: ([number]) => ({
    number: Number.isSafeInteger(number) && Number(number) >= 0 ? Number(number) : readSafeInteger(number, 'number'),
  }),
  handle: async ({ number }, { backend }) => {
    const applied = await backend.chain.miniBlock(number);
    return applied === undefined ? null : formatMiniBlock(applied);
  },
};

/** How far a block has climbed the verification ladder; null when it is not known here. */
export const strobeBlockStatus: RpcMethod<{ block: BlockParam }> = {
  name: 'strobe_blockStatus',
  maxParams: 1,
  parse: ([block]) => ({ block: readBlockParam(block) }),
  handle: async ({ block }, { backend }) => {
    const { chain } = backend;
    const status = await readOf(block, chain, (number) => chain.blockStatus(number));
    return status === undefined ? null : formatBlockStatus(status, chain, await backend.attestationPolicy());
  },
};

/** The attestations of a block that are known here; null when the block is not. */
export const strobeAttestations: RpcMethod<{ block: BlockParam }> = {
  name: 'strobe_attestations',
  maxParams: 1,
  parse: ([block]) => ({ block: readBlockParam(block) }),
  handle: async ({ block }, { backend: { chain } }) => {
    const attestations = await readOf(block, chain, (number) => chain.attestations(number));
    return attestations === undefined ? null : attestations.map(formatAttestation);
  },
};

/** Evidence that the sequencer signed two things for one number. */
export const strobeEquivocations: RpcMethod<undefined> = {
  name: 'strobe_equivocations',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend }) => backend.node.equivocations(),
};

/** Undefined for a hash that is not known here. */
async function readOf<T>(block: BlockParam, chain: ChainReader, read: (number: number) => Promise<T>): Promise<T | undefined> {
  if (block.kind !== 'hash') return readAtBlock(block, chain, read);
  const number = (await chain.blockByHash(block.hash))?.header.number;
  return number === undefined ? undefined : read(number);
}

function formatAttestation(attestation: Attestation): Readonly<Record<string, unknown>> {
  return {
    proofType: quantity(attestation.proofType),
    blockNumber: quantity(attestation.blockNumber),
    blockHash: toHex(attestation.blockHash),
    preStateRoot: toHex(attestation.preStateRoot),
    postStateRoot: toHex(attestation.postStateRoot),
    stateDiffDigest: toHex(attestation.stateDiffDigest),
    receiptsRoot: toHex(attestation.receiptsRoot),
    lastMiniBlockDigest: toHex(attestation.lastMiniBlockDigest),
    success: attestation.success,
    signature: toHex(attestation.signature),
  };
}

function quantityOrNull(value: number | undefined): string | null {
  return value === undefined ? null : quantity(value);
}
