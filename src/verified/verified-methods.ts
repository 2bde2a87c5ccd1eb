import type { Address, Hash } from '../protocol/primitives.ts';
import { bigIntToBytes32, bytesEqual, fromHex, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { quantity } from '../util/quantity.ts';
import type { AttestedHeaders, NodeRequest } from './attested-headers.ts';
import { formatProvenBlock, type HashedHeader } from './block-header-json.ts';
import { attestedHeader } from './block-tags.ts';
import { asData } from './json-fields.ts';
import type { Trust } from './options.ts';
import { type ProvenState, proveCode, proveState } from './proven-account.ts';
import { formatReceipt, proveReceipt } from './proven-receipt.ts';
import { formatTransaction } from './transaction-json.ts';
import { verificationFailed } from './verification-error.ts';

/** What methods work with. */
export interface MethodContext {
  readonly trust: Trust;
  readonly headers: AttestedHeaders;
  readonly request: NodeRequest;
}

export type VerifiedMethod = (params: readonly unknown[], context: MethodContext) => Promise<unknown>;

const readAccount = async (
  address: unknown,
  keys: readonly Hash[],
  block: unknown,
  { headers, request }: MethodContext,
): Promise<{ readonly address: Address; readonly at: HashedHeader; readonly state: ProvenState }> => {
  const bytes = readBytes(address, 20, 'address');
  const at = await attestedHeader(block, headers, request);
  return { address: bytes, at, state: await proveState(bytes, keys, at, request) };
};

/** Methods whose answers are proven, by name. */
export const VERIFIED_METHODS: Readonly<Record<string, VerifiedMethod>> = {
  eth_chainId: async (_, { trust }) => quantity(trust.chainId),
  net_version: async (_, { trust }) => String(trust.chainId),

  eth_blockNumber: async (_, { headers, request }) => quantity((await headers.head(request)).header.number),

  eth_getBalance: async ([address, block], context) => quantity((await readAccount(address, [], block, context)).state.balance),

  eth_getTransactionCount: async ([address, block], context) =>
    quantity((await readAccount(address, [], block, context)).state.nonce),

  eth_getStorageAt: async ([address, slot, block], context) => {
    const { state } = await readAccount(address, [readSlot(slot)], block, context);
    return toHex(bigIntToBytes32(state.slots[0] as bigint));
  },

  eth_getCode: async ([address, block], context) => {
    const { address: bytes, at, state } = await readAccount(address, [], block, context);
    return toHex(await proveCode(bytes, state.codeHash, at, context.request));
  },

  eth_getProof: async ([address, keys, block], context) => {
    if (!Array.isArray(keys)) throw invalidParams('storageKeys', 'expected an array');
    return (await readAccount(address, keys.map(readSlot), block, context)).state.answer;
  },

  eth_getTransactionReceipt: async ([hash], { headers, request }) => {
    const proven = await proveReceipt(readBytes(hash, 32, 'hash'), headers, request);
    return proven === undefined ? null : formatReceipt(proven);
  },

  eth_getTransactionByHash: async ([hash], { headers, request }) => {
    const proven = await proveReceipt(readBytes(hash, 32, 'hash'), headers, request);
    return proven === undefined ? null : formatTransaction(proven);
  },

  eth_getBlockByNumber: async ([block, full], { headers, request }) => {
    return headerOnly(await attestedHeader(block, headers, request), full);
  },

  eth_getBlockByHash: async ([hash, full], { headers, request }) => {
    return headerOnly(await headers.byHash(readBytes(hash, 32, 'hash'), request), full);
  },

  eth_sendRawTransaction: async (params, { request }) => {
    const expected = keccak256(readBytes(params[0], undefined, 'transaction'));
    const answered = asData(await request('eth_sendRawTransaction', params), 'transaction hash', 32);
    if (bytesEqual(answered, expected)) return toHex(answered);
    const meta = { expected: toHex(expected), answered: toHex(answered) };
    throw verificationFailed('transaction hash', 'the hash is not that of the transaction that was sent', meta);
  },
};

function headerOnly(block: HashedHeader, full: unknown): unknown {
  if (full !== true) return formatProvenBlock(block);
  throw new StrobeError('NOT_VERIFIABLE', 'a block with its transactions can not be verified: ask for the header', {});
}

function readBytes(value: unknown, length: number | undefined, field: string): Address | Hash {
  if (typeof value !== 'string' || !/^0x(?:[0-9a-fA-F]{2})*$/.test(value)) throw invalidParams(field, 'expected hex');
  const bytes = fromHex(value);
  if (length !== undefined && bytes.length !== length) throw invalidParams(field, `expected ${length} bytes`);
  return bytes;
}

/** A slot in hex, whatever its padding. */
function readSlot(value: unknown): Hash {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(value)) throw invalidParams('slot', 'expected at most 32 bytes');
  return bigIntToBytes32(BigInt(value));
}

function invalidParams(field: string, problem: string): StrobeError<'INVALID_PARAMS'> {
  return new StrobeError('INVALID_PARAMS', `${field}: ${problem}`, { field });
}
