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

/** Whom the account with this code delegates to. */
export function delegationTarget(code: Bytes): Address | undefined {
  return isDelegation(code) ? code.subarray(DELEGATION_PREFIX.length) : undefined;
}

/**
 * Sets the delegations of a transaction (EIP-7702) and warms their authorities; tuples that do not hold are skipped.
 * The sender's nonce has been raised before.
 * @returns the gas to be refunded, whatever becomes of the execution
 * @throws StrobeError EXECUTION_TIMEOUT
 */
export function applyAuthorizations(machine: Machine, authorizations: readonly Authorization[]): bigint {
  const { common, deadline, evm, manager } = machine;
  return setDelegations(manager.world, common.chainId(), authorizations, {
    beforeEach: () => deadline.check(),
    onAuthority: (authority) => evm.journal.addAlwaysWarmAddress(toKey(authority)),
  });
}

/**
 * What {@link applyAuthorizations} will refund, with the state left as it is.
 * @param sender of the transaction; its nonce has not been raised yet
 * @param beforeEach is called before each tuple, and may throw to end it
 */
export function authorizationRefund(
  world: WorldState,
  { sender, chainId, authorizations }: { sender: Address; chainId: bigint; authorizations: readonly Authorization[] },
  beforeEach: () => void,
): bigint {
  world.checkpoint();
  try {
    const { nonce, balance, codeHash } = world.getAccount(sender) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
    world.setAccount(sender, { nonce: nonce + 1n, balance, codeHash });
    return setDelegations(world, chainId, authorizations, { beforeEach, onAuthority: () => {} });
  } finally {
    world.revert();
  }
}

interface DelegationHooks {
  readonly beforeEach: () => void;
  /** Somebody signed, whether or not the tuple holds. */
  readonly onAuthority: (authority: Address) => void;
}

function setDelegations(
  world: WorldState,
  chainId: bigint,
  authorizations: readonly Authorization[],
  { beforeEach, onAuthority }: DelegationHooks,
): bigint {
  let refund = 0n;
  for (const authorization of authorizations) {
    beforeEach();
    const authority = authorityOf(authorization, chainId);
    if (authority === undefined) continue;
    onAuthority(authority);
    const account = world.getAccount(authority);
    if (!accepts(account, authorization, world)) continue;
    if (account !== undefined) refund += EXISTING_ACCOUNT_REFUND;
    world.setAccount(authority, {
      nonce: authorization.nonce + 1n,
      balance: account?.balance ?? 0n,
      codeHash: world.putCode(delegationTo(authorization.address)),
    });
  }
  return refund;
}

/** Who signed a tuple for this chain; undefined when nobody did. */
function authorityOf(authorization: Authorization, chainId: bigint): Address | undefined {
  const isOfThisChain = authorization.chainId === 0n || authorization.chainId === chainId;
  return isOfThisChain && authorization.nonce < LAST_NONCE ? recoverAuthority(authorization) : undefined;
}

/** Who signed a tuple, for whatever chain; undefined when nobody did. */
export function recoverAuthority(authorization: Authorization): Address | undefined {
  const { address, nonce, yParity, r, s } = authorization;
  if (yParity > 1) return undefined;
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
