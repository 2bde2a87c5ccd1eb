import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { createTxFromRLP } from '@ethereumjs/tx';
import fc from 'fast-check';
import {
  type Hex,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerialized,
  toRlp,
  keccak256 as viemKeccak256,
} from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { expect, test } from 'vitest';
import { decodeTransaction, effectiveGasPrice, type Transaction } from '../../src/protocol/transaction.ts';
import { transactionGas } from '../../src/protocol/transaction-gas.ts';
import { type Bytes, concatBytes, fromHex, toHex } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { recoverAddress } from '../../src/util/secp256k1.ts';
import { isHighS } from '../../src/util/signature.ts';
import { address, bytesUpTo, hash, uint } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';
import { testAccount } from '../support/test-accounts.ts';

const CHAIN_ID = 4242;
const account = privateKeyToAccount(toHex(testAccount('signer').privateKey));
const authority = privateKeyToAccount(toHex(testAccount('authority').privateKey));
const common = new Common({ chain: { ...Mainnet, chainId: CHAIN_ID }, hardfork: Hardfork.Prague });

const hexAddress = address.map(toHex);
const accessList = fc.array(fc.record({ address: hexAddress, storageKeys: fc.array(hash.map(toHex), { maxLength: 3 }) }), {
  maxLength: 3,
});
/** ethereumjs refuses more than 2^256 wei for all the gas. */
const price = uint(190);
const fees = fc
  .tuple(price, price)
  .map(([a, b]) => (a < b ? { maxPriorityFeePerGas: a, maxFeePerGas: b } : { maxPriorityFeePerGas: b, maxFeePerGas: a }));
const base = fc.record({
  // viem takes numbers.
  nonce: fc.oneof(fc.nat(300), fc.maxSafeNat()),
  gas: uint(63),
  value: uint(256),
  data: bytesUpTo(300).map(toHex),
});
const to = fc.option(hexAddress, { nil: null });

type Signing = (signer: PrivateKeyAccount) => Promise<Hex>;

const legacy = fc
  .record({ base, to, gasPrice: price, isProtected: fc.boolean() })
  .map(({ base: fields, to: target, gasPrice, isProtected }): Signing => {
    const request = { type: 'legacy', ...fields, to: target, gasPrice } as const;
    return (signer) => signer.signTransaction(isProtected ? { ...request, chainId: CHAIN_ID } : request);
  });
const eip2930 = fc.record({ base, to, gasPrice: price, accessList }).map(({ base: fields, ...rest }): Signing => {
  return (signer) => signer.signTransaction({ type: 'eip2930', chainId: CHAIN_ID, ...fields, ...rest });
});
const eip1559 = fc.record({ base, to, fees, accessList }).map(({ base: fields, fees: prices, ...rest }): Signing => {
  return (signer) => signer.signTransaction({ type: 'eip1559', chainId: CHAIN_ID, ...fields, ...prices, ...rest });
});
const eip7702 = fc
  .record({ base, to: hexAddress, fees, accessList, delegate: hexAddress, delegateNonce: fc.nat(300), anyChain: fc.boolean() })
  .map(({ base: fields, fees: prices, delegate, delegateNonce, anyChain, ...rest }): Signing => {
    return async (signer) => {
      const chainId = anyChain ? 0 : CHAIN_ID;
      const authorization = await authority.signAuthorization({ contractAddress: delegate, chainId, nonce: delegateNonce });
      return signer.signTransaction({
        type: 'eip7702',
        chainId: CHAIN_ID,
        ...fields,
        ...prices,
        ...rest,
        authorizationList: [authorization],
      });
    };
  });
const signing = fc.oneof(legacy, eip2930, eip1559, eip7702);

test('what viem signs decodes to the same fields, hash and sender as in viem and ethereumjs', async () => {
  await fc.assert(
    fc.asyncProperty(signing, async (sign) => {
      const serialized = await sign(account);
      const raw = fromHex(serialized);
      const transaction = decodeTransaction(raw);
      expectFields(transaction, serialized);
      expect(toHex(transaction.hash)).toBe(viemKeccak256(serialized));
      const sender = toHex(recoverAddress(transaction.signingHash, transaction.signature));
      expect(sender).toBe(account.address.toLowerCase());
      expect(sender).toBe(
        (await recoverTransactionAddress({ serializedTransaction: serialized as TransactionSerialized })).toLowerCase(),
      );
      expectAsEthereumJs(transaction, raw);
    }),
    runs(60),
  );
}, 30_000);

test('any bit flipped is refused or gives another hash and another signer or signature', async () => {
  await fc.assert(
    fc.asyncProperty(signing, async (sign) => {
      const raw = fromHex(await sign(account));
      for (let bit = 0; bit < raw.length * 8; bit++) {
        const flipped = new Uint8Array(raw);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        const outcome = senderOf(flipped);
        if (outcome !== undefined) expect(outcome, `bit ${bit}`).not.toBe(account.address.toLowerCase());
      }
      for (let length = 0; length < raw.length; length++) expect(senderOf(raw.subarray(0, length))).toBeUndefined();
      expect(senderOf(concatBytes(raw, Uint8Array.of(0)))).toBeUndefined();
    }),
    runs(6),
  );
}, 30_000);

/** The recovered sender, undefined when decoding or recovery refuses with a code. */
function senderOf(raw: Bytes): string | undefined {
  try {
    const transaction = decodeTransaction(raw);
    return toHex(recoverAddress(transaction.signingHash, transaction.signature));
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}

function expectFields(transaction: Transaction, serialized: Hex): void {
  const parsed = parseTransaction(serialized as TransactionSerialized);
  const entries = ('accessList' in parsed ? parsed.accessList : undefined) ?? [];
  const gasPrice = parsed.gasPrice ?? 0n;
  const isPriced = parsed.type === 'legacy' || parsed.type === 'eip2930';
  expect({
    chainId: transaction.chainId,
    nonce: transaction.nonce,
    maxFeePerGas: transaction.maxFeePerGas,
    maxPriorityFeePerGas: transaction.maxPriorityFeePerGas,
    gasLimit: transaction.gasLimit,
    to: transaction.to && toHex(transaction.to),
    value: transaction.value,
    data: toHex(transaction.data),
    accessList: transaction.accessList.map((entry) => ({
      address: toHex(entry.address),
      storageKeys: entry.storageKeys.map(toHex),
    })),
  }).toEqual({
    chainId: parsed.chainId === undefined ? undefined : BigInt(parsed.chainId),
    nonce: BigInt(parsed.nonce ?? 0),
    maxFeePerGas: isPriced ? gasPrice : (parsed.maxFeePerGas ?? 0n),
    maxPriorityFeePerGas: isPriced ? gasPrice : (parsed.maxPriorityFeePerGas ?? 0n),
    gasLimit: parsed.gas ?? 0n,
    to: parsed.to?.toLowerCase(),
    value: parsed.value ?? 0n,
    data: parsed.data ?? '0x',
    accessList: entries.map((entry) => ({ ...entry, address: entry.address.toLowerCase() })),
  });
  expect(isHighS(transaction.signature.subarray(32, 64))).toBe(false);
  const authorizations = transaction.type === 4 ? transaction.authorizationList : [];
  expect(authorizations.map(authoritySigner)).toEqual(authorizations.map(() => authority.address.toLowerCase()));
}

/** Who signed an authorization: `keccak256(0x05 ‖ rlp([chainId, address, nonce]))` (EIP-7702). */
function authoritySigner({ chainId, address: target, nonce, yParity, r, s }: Transaction['authorizationList'][number]): string {
  const quantity = (value: bigint): Hex => (value === 0n ? '0x' : toHex(fromHex(evenHex(value))));
  const tuple = fromHex(toRlp([quantity(chainId), toHex(target), quantity(nonce)]));
  const signature = fromHex(`0x${hex32(r)}${hex32(s)}0${yParity}`);
  return toHex(recoverAddress(keccak256(concatBytes(Uint8Array.of(5), tuple)), signature));
}

function hex32(value: bigint): string {
  return value.toString(16).padStart(64, '0');
}

function evenHex(value: bigint): Hex {
  const hex = value.toString(16);
  return `0x${hex.length % 2 === 0 ? hex : `0${hex}`}`;
}

function expectAsEthereumJs(transaction: Transaction, raw: Bytes): void {
  const reference = createTxFromRLP(raw, { common });
  expect(toHex(reference.hash())).toBe(toHex(transaction.hash));
  expect(toHex(reference.getHashedMessageToSign())).toBe(toHex(transaction.signingHash));
  expect(reference.getIntrinsicGas()).toBe(transactionGas(transaction).intrinsic);
  expect(transactionGas(transaction).floor).toBeGreaterThanOrEqual(21_000n);
  const baseFee = transaction.maxFeePerGas / 2n;
  expect(effectiveGasPrice(transaction, baseFee) - baseFee).toBe(reference.getEffectivePriorityFee(baseFee));
}
