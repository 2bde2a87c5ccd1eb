import { type Address, EMPTY_CODE_HASH } from '../../protocol/primitives.ts';
import { bytesEqual, toHex } from '../../util/bytes.ts';
import { invariant } from '../../util/errors.ts';
import { type BlockParam, readBlockParam, requireNewestState } from '../block-param.ts';
import { readAddress } from '../read-params.ts';
import type { RpcMethod } from '../rpc-method.ts';

export const ethGetCode: RpcMethod<{ address: Address; block: BlockParam }> = {
  name: 'eth_getCode',
  maxParams: 2,
  parse: ([address, block]) => ({ address: readAddress(address, 'address'), block: readBlockParam(block) }),
  handle: async ({ address, block }, { backend }) => {
    await requireNewestState(block, backend.chain);
    const account = backend.state.getAccount(address);
    if (account === undefined || bytesEqual(account.codeHash, EMPTY_CODE_HASH)) return '0x';
    const code = backend.state.getCode(account.codeHash);
    invariant(code !== undefined, 'the code of every account is known');
    return toHex(code);
  },
};
