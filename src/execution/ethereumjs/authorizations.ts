import type { WorldState } from '../../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH, ZERO_ADDRESS } from '../../protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../protocol/rlp.ts';
import type { Authorization } from '../../protocol/transaction.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, concatBytes, EMPTY_BYTES, toKey } from '../../util/bytes.ts';
import { isStrobeError } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import { recoverAddress } from '../../util/secp256k1.ts';
import type { Machine } from './machine.ts';

/** EIP-7702 MAGIC: what an authority signs begins with it. */
const SIGNING_PREFIX = Uint8Array.of(0x05);
/** First three bytes of a delegation; the target's address follows. */
const DELEGATION_PREFIX = Uint8Array.of(0xef, 0x01, 0x00);
/** PER_EMPTY_ACCOUNT_COST less PER_AUTH_BASE_COST: charged for every tuple, given back for accounts that exist. */
const EXISTING_ACCOUNT_REFUND = 12_500n;
/** The nonce that cannot be followed by another (EIP-2681). */
const LAST_NONCE = 2n ** 64n - 1n;

/** True for the code of an account that delegates to another (EIP-7702). */
export function isDelegation(code: Bytes | undefined): boolean {
  return code !== undefined && bytesEqual(code.subarray(0, DELEGATION_PREFIX.length), DELEGATION_PREFIX);
}

/**
 * Sets the delegations of a transaction (EIP-7702) and warms their authorities; tuples that do not hold are skipped.
 * The sender's nonce has been raised before.
 * @returns the gas to be refunded, whatever becomes of the execution
 * @throws StrobeError EXECUTION_TIMEOUT
 */
export function applyAuthorizations(machine: Machine, authorizations: readonly Authorization[]): bigint {
  const { common, deadline, evm, manager } = machine;
  let refund = 0n;
  for (const authorization of authorizations) {
    deadline.check();
    const authority = authorityOf(authorization, common.chainId());
    if (authority === undefined) continue;
    evm.journal.addAlwaysWarmAddress(toKey(authority));
    const account = manager.world.getAccount(authority);
    if (!accepts(account, authorization, manager.world)) continue;
    if (account !== undefined) refund += EXISTING_ACCOUNT_REFUND;
    manager.world.setAccount(authority, {
      nonce: authorization.nonce + 1n,
      balance: account?.balance ?? 0n,
      codeHash: manager.world.putCode(delegationTo(authorization.address)),
    });
  }
  return refund;
}

/** Who signed a tuple for this chain; undefined when nobody did. */
function authorityOf(authorization: Authorization, chainId: bigint): Address | undefined {
  const { address, nonce, yParity, r, s } = authorization;
  const isOfThisChain = authorization.chainId === 0n || authorization.chainId === chainId;
  if (!isOfThisChain || nonce >= LAST_NONCE || yParity > 1) return undefined;
  const signed = encodeRlp([fromNumber(authorization.chainId), address, fromNumber(nonce)]);
  const signature = concatBytes(bigIntToBytes32(r), bigIntToBytes32(s), Uint8Array.of(yParity));
  try {
    return recoverAddress(keccak256(concatBytes(SIGNING_PREFIX, signed)), signature);
  } catch (error) {
    if (isStrobeError(error, 'INVALID_SIGNATURE')) return undefined;
    throw error;
  }
}

/** The account has the nonce that was signed, and no code but a delegation. */
function accepts(account: Account | undefined, { nonce }: Authorization, world: WorldState): boolean {
  if ((account?.nonce ?? 0n) !== nonce) return false;
  if (account === undefined || bytesEqual(account.codeHash, EMPTY_CODE_HASH)) return true;
  return isDelegation(world.getCode(account.codeHash));
}

/** Code of an account that delegates; the zero address ends a delegation. */
function delegationTo(target: Address): Bytes {
  return bytesEqual(target, ZERO_ADDRESS) ? EMPTY_BYTES : concatBytes(DELEGATION_PREFIX, target);
}
