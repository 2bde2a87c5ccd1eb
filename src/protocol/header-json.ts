import { toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import type { BlockHeader } from './block-header.ts';
import { type HeaderView, viewHeader } from './header-view.ts';
import type { Hash } from './primitives.ts';

/** Header fields of a block object (OpenRPC document of the execution API). */
export type HeaderJson = Readonly<Record<string, unknown>>;

/** The header alone, as newHeads pushes it. */
export function formatHeader(header: BlockHeader, hash: Hash): HeaderJson {
  return formatHeaderView(viewHeader(header), hash);
}

/** A header of any fork: fields that its fork does not know are not there. */
export function formatHeaderView(header: HeaderView, hash: Hash): HeaderJson {
  return {
    number: quantity(header.number),
    hash: toHex(hash),
    parentHash: toHex(header.parentHash),
    sha3Uncles: toHex(header.ommersHash),
    timestamp: quantity(header.timestamp),
    miner: toHex(header.coinbase),
    stateRoot: toHex(header.stateRoot),
    transactionsRoot: toHex(header.transactionsRoot),
    receiptsRoot: toHex(header.receiptsRoot),
    logsBloom: toHex(header.logsBloom),
    difficulty: quantity(header.difficulty),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    extraData: toHex(header.extraData),
    mixHash: toHex(header.prevRandao),
    nonce: toHex(header.nonce),
    ...formatForkFields(header),
  };
}

function formatForkFields(header: HeaderView): HeaderJson {
  const { baseFeePerGas, withdrawalsRoot, blobGasUsed, excessBlobGas, parentBeaconBlockRoot, requestsHash } = header;
  return {
    ...(baseFeePerGas !== undefined && { baseFeePerGas: quantity(baseFeePerGas) }),
    ...(withdrawalsRoot !== undefined && { withdrawalsRoot: toHex(withdrawalsRoot) }),
    ...(blobGasUsed !== undefined && { blobGasUsed: quantity(blobGasUsed) }),
    ...(excessBlobGas !== undefined && { excessBlobGas: quantity(excessBlobGas) }),
    ...(parentBeaconBlockRoot !== undefined && { parentBeaconBlockRoot: toHex(parentBeaconBlockRoot) }),
    ...(requestsHash !== undefined && { requestsHash: toHex(requestsHash) }),
  };
}
