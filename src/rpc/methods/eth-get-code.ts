import type { StateReader } from '../../protocol/ports/state.ts';
import { type Address, EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import { type Bytes, bytesEqual, EMPTY_BYTES, toHex } from '../../util/bytes.ts';
import { invariant } from '../../util/errors.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { readAddress } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { readState } from '../state-at-block.ts';

export const ethGetCode: RpcMethod<{ address: Address; block: BlockParam }> = {
  name: 'eth_getCode',
  maxParams: 2,
  parse: ([address, block]) => ({ address: readAddress(address, 'address'), block: readBlockParam(block) }),
  handle: ({ address, block }, { backend }) => readState(block, backend, (state) => toHex(codeOf(address, state))),
};

function codeOf(address: Address, state: StateReader): Bytes {
  const account = state.getAccount(address);
  if (account === undefined || bytesEqual(account.codeHash, EMPTY_CODE_HASH)) return EMPTY_BYTES;
  const code = state.getCode(account.codeHash);
  invariant(code !== undefined, 'the code of every account is known');
  return code;
}
