import type { Address, Hash } from '../../protocol/primitives.ts';
import { type Hex, toHex } from '../../util/bytes.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { readAddress, readArray, readObject, readStorageKey } from '../read-params.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { readState } from '../state-at-block.ts';

interface StorageRequest {
  /** As it was asked for: the answer names it in the same form. */
  readonly asked: string;
  readonly address: Address;
  readonly keys: readonly Hash[];
}

/** Slots of many accounts in one block's state: `{address: [key, …]}` gives `{address: [value, …]}`. */
export const ethGetStorageValues: RpcMethod<{ requests: readonly StorageRequest[]; block: BlockParam }> = {
  name: 'eth_getStorageValues',
  maxParams: 2,
  parse: ([requests, block]) => ({ requests: readRequests(requests, 'requests'), block: readBlockParam(block) }),
  handle: ({ requests, block }, { backend, limits }) => {
    const count = requests.reduce((sum, { keys }) => sum + keys.length, 0);
    if (count > limits.maxStorageValues) {
      throw rpcError('LIMIT_EXCEEDED', `too many slots: ${count} are asked for, at most ${limits.maxStorageValues} are read`);
    }
    return readState(block, backend, (state) =>
      Object.fromEntries(
        requests.map(({ asked, address, keys }): [string, Hex[]] => [
          asked,
          keys.map((key) => toHex(state.getStorage(address, key))),
        ]),
      ),
    );
  },
};

function readRequests(value: unknown, field: string): StorageRequest[] {
  const requests = Object.entries(readObject(value, field)).map(([asked, keys]) => ({
    asked,
    address: readAddress(asked, field),
    keys: readArray(keys, `${field}.${asked}`, Number.POSITIVE_INFINITY).map((key, index) =>
      readStorageKey(key, `${field}.${asked}[${index}]`),
    ),
  }));
  if (requests.every(({ keys }) => keys.length === 0)) throw invalidParams(field, 'empty request');
  return requests;
}
