import { MAX_BLOBS } from '../protocol/blob-gas.ts';
import type { AccountOverride, BlockOverrides, CallRequest } from '../protocol/ports/execution.ts';
import { type Address, type Hash, ZERO_ADDRESS } from '../protocol/primitives.ts';
import type { AccessListEntry, Authorization } from '../protocol/transaction.ts';
import { type Bytes, bytesEqual, EMPTY_BYTES } from '../util/bytes.ts';
import { type BlockParam, readBlockParam } from './block-param.ts';
import { readBlockOverrides } from './read-block-overrides.ts';
import {
  isAbsent,
  type JsonObject,
  readAddress,
  readArray,
  readData,
  readHash,
  readObject,
  readOptional,
  readQuantity,
  readSafeInteger,
  readStorageKey,
  readUint64,
} from './read-params.ts';
import { invalidParams } from './rpc-error.ts';

/** Entries of an access list, accounts overridden, or slots of one: far above any use, far below the body's limit. */
const MAX_ENTRIES = 10_000;

/** Parameters of eth_call, eth_estimateGas and eth_createAccessList. */
export interface CallParams {
  readonly request: CallRequest;
  readonly block: BlockParam;
  readonly overrides: readonly AccountOverride[];
  readonly blockOverrides: BlockOverrides;
}

/** Blobs themselves have no place in a call, which sees only their hashes: refused, never ignored. */
const REFUSED_FIELDS = ['blobs'] as const;

export function readCallParams([transaction, block, overrides, blockOverrides]: readonly unknown[]): CallParams {
  return {
    request: readCallRequest(transaction),
    block: readBlockParam(block),
    overrides: readOverrides(overrides),
    blockOverrides: readBlockOverrides(blockOverrides),
  };
}

/** The transaction object of a call: `data` and `input` are the same thing, and so are `gasPrice` and both fees. */
export function readCallRequest(param: unknown, field = 'transaction'): CallRequest {
  const call = readObject(param, field);
  const named = <T>(name: string, read: (value: unknown, field: string) => T): T | undefined =>
    readOptional(call[name], `${field}.${name}`, read);
  for (const name of REFUSED_FIELDS) {
    const value = call[name];
    const isEmpty = isAbsent(value) || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) throw invalidParams(`${field}.${name}`, 'not supported in calls');
  }
  const gasPrice = named('gasPrice', readQuantity);
  const maxFeePerGas = named('maxFeePerGas', readQuantity);
  const maxPriorityFeePerGas = named('maxPriorityFeePerGas', readQuantity);
  if (gasPrice !== undefined && (maxFeePerGas ?? maxPriorityFeePerGas) !== undefined) {
    throw invalidParams(field, 'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified');
  }
  const to = named('to', readAddress);
  const authorizationList = named('authorizationList', readAuthorizations) ?? [];
  if (to === undefined && authorizationList.length > 0) {
    throw invalidParams(`${field}.authorizationList`, 'a set-code transaction cannot create a contract');
  }
  return {
    from: named('from', readAddress) ?? ZERO_ADDRESS,
    to,
    gas: named('gas', readQuantity),
    maxFeePerGas: gasPrice ?? maxFeePerGas,
    maxPriorityFeePerGas: gasPrice ?? maxPriorityFeePerGas,
    value: named('value', readQuantity) ?? 0n,
    data: readCallData(named('input', readData), named('data', readData), field),
    accessList: named('accessList', readAccessList) ?? [],
    authorizationList,
    blobVersionedHashes: named('blobVersionedHashes', readBlobHashes),
    maxFeePerBlobGas: named('maxFeePerBlobGas', readQuantity),
    chainId: named('chainId', readQuantity),
  };
}

function readBlobHashes(value: unknown, field: string): Hash[] {
  return readArray(value, field, MAX_BLOBS).map((hash) => readHash(hash, field));
}

function readCallData(input: Bytes | undefined, data: Bytes | undefined, field: string): Bytes {
  if (input !== undefined && data !== undefined && !bytesEqual(input, data)) {
    throw invalidParams(field, 'both "data" and "input" are set and not equal');
  }
  return input ?? data ?? EMPTY_BYTES;
}

function readAccessList(value: unknown, field: string): AccessListEntry[] {
  return readArray(value, field, MAX_ENTRIES).map((entry) => {
    const { address, storageKeys } = readObject(entry, field) as { address?: unknown; storageKeys?: unknown };
    const keys = isAbsent(storageKeys) ? [] : readArray(storageKeys, `${field}.storageKeys`, MAX_ENTRIES);
    return {
      address: readAddress(address, `${field}.address`),
      storageKeys: keys.map((key) => readHash(key, `${field}.storageKeys`)),
    };
  });
}

function readAuthorizations(value: unknown, field: string): Authorization[] {
  return readArray(value, field, MAX_ENTRIES).map((item) => {
    const entry = readObject(item, field);
    const read = (name: string): bigint => readQuantity(entry[name], `${field}.${name}`);
    return {
      chainId: read('chainId'),
      address: readAddress(entry['address'], `${field}.address`),
      nonce: readUint64(entry['nonce'], `${field}.nonce`),
      yParity: readSafeInteger(entry['yParity'], `${field}.yParity`),
      r: read('r'),
      s: read('s'),
    };
  });
}

/** State overrides: an object of accounts by address. */
export function readOverrides(value: unknown, field = 'stateOverride'): AccountOverride[] {
  if (isAbsent(value)) return [];
  const accounts = Object.entries(readObject(value, field));
  if (accounts.length > MAX_ENTRIES) throw invalidParams(field, `at most ${MAX_ENTRIES} accounts`);
  return accounts.map(([address, override]) =>
    readOverride(readAddress(address, field), readObject(override, `${field}.${address}`), `${field}.${address}`),
  );
}

function readOverride(address: Address, override: JsonObject, field: string): AccountOverride {
  const named = <T>(name: string, read: (value: unknown, field: string) => T): T | undefined =>
    readOptional(override[name], `${field}.${name}`, read);
  const balance = named('balance', readQuantity);
  const nonce = named('nonce', readUint64);
  const code = named('code', readData);
  const state = named('state', readSlots);
  const stateDiff = named('stateDiff', readSlots);
  const movePrecompileTo = named('movePrecompileToAddress', readAddress);
  if (state !== undefined && stateDiff !== undefined) throw invalidParams(field, 'has both state and stateDiff');
  return {
    address,
    ...(balance === undefined ? {} : { balance }),
    ...(nonce === undefined ? {} : { nonce }),
    ...(code === undefined ? {} : { code }),
    ...(state === undefined ? {} : { state }),
    ...(stateDiff === undefined ? {} : { stateDiff }),
    ...(movePrecompileTo === undefined ? {} : { movePrecompileTo }),
  };
}

function readSlots(value: unknown, field: string): { key: Hash; value: Hash }[] {
  const slots = Object.entries(readObject(value, field));
  if (slots.length > MAX_ENTRIES) throw invalidParams(field, `at most ${MAX_ENTRIES} slots`);
  return slots.map(([key, slot]) => ({ key: readStorageKey(key, field), value: readStorageKey(slot, `${field}.${key}`) }));
}
