import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Address } from '../../src/protocol/primitives.ts';
import { decodeTransaction, type Transaction } from '../../src/protocol/transaction.ts';
import { transactionGas } from '../../src/protocol/transaction-gas.ts';
import { checkFunds, checkStateless } from '../../src/sequencer/pool-validation.ts';
import { type Bytes, fromHex, toHex } from '../../src/util/bytes.ts';
import { recoverAddress } from '../../src/util/secp256k1.ts';
import { unpackFixture } from '../support/fixtures.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

interface Outcome {
  readonly exception?: string;
  readonly hash?: string;
  readonly intrinsicGas: string;
  readonly sender?: string;
}

interface TransactionCase {
  readonly txbytes: string;
  readonly result: Readonly<Record<string, Outcome>>;
}

/** The archive ends at Cancun; some files leave the newest forks out. Prague added only the floor price of calldata. */
const FORKS = ['Prague', 'Cancun', 'Shanghai', 'London'];
/** Chain id 1, and no caps of our own. */
const RULES = { chainId: 1, maxTransactionGas: 2n ** 64n, baseFeeFloorWei: 0n };
const MAX_BALANCE = 2n ** 256n - 1n;

/** Our codes by the word that the official name begins with; several names fit more than one of our checks. */
const CODES: Readonly<Record<string, readonly string[]>> = {
  ADDRESS_TOO_LONG: ['INVALID_RLP'],
  ADDRESS_TOO_SHORT: ['INVALID_RLP'],
  EC_RECOVERY_FAIL: ['INVALID_SIGNATURE'],
  GASLIMIT_OVERFLOW: ['INVALID_RLP'],
  GASLIMIT_PRICE_PRODUCT_OVERFLOW: ['INSUFFICIENT_FUNDS'],
  GASPRICE_OVERFLOW: ['INVALID_RLP'],
  INITCODE_SIZE_EXCEEDED: ['INIT_CODE_TOO_LARGE'],
  INTRINSIC_GAS_TOO_LOW: ['INTRINSIC_GAS_TOO_LOW'],
  // Where the signature is wrong too, that is seen first.
  INVALID_CHAINID: ['INVALID_CHAIN_ID', 'INVALID_TRANSACTION'],
  INVALID_SIGNATURE_VRS: ['INVALID_TRANSACTION', 'INVALID_RLP'],
  NONCE_OVERFLOW: ['INVALID_RLP'],
  NONCE_TOO_BIG: ['INVALID_TRANSACTION'],
  PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS_2: ['INVALID_TRANSACTION'],
  PRIORITY_OVERFLOW: ['INVALID_RLP'],
  TYPE_NOT_SUPPORTED: ['TRANSACTION_TYPE_NOT_SUPPORTED', 'INVALID_RLP'],
  VALUE_OVERFLOW: ['INVALID_RLP'],
};
/** Bytes that are no RLP at all may begin like an unknown transaction type. */
const RLP_CODES = ['INVALID_RLP', 'TRANSACTION_TYPE_NOT_SUPPORTED'];

const folder = unpackFixture('ethereum-tests-transactions-rlp-trie.tar.zst');

describe.skipIf(folder === undefined)('official transaction tests', () => {
  if (folder === undefined) return;
  const root = join(folder, 'TransactionTests');
  const files = readdirSync(root).flatMap((group) => readdirSync(join(root, group)).map((file) => join(group, file)));

  test('are all there', () => {
    expect(files).toHaveLength(210);
  });

  test.each(files)('%s', (file) => {
    const cases = JSON.parse(readFileSync(join(root, file), 'utf8')) as Record<string, TransactionCase>;
    for (const { txbytes, result } of Object.values(cases)) {
      const expected = FORKS.map((fork) => result[fork]).find((outcome) => outcome !== undefined);
      if (expected === undefined) expect.fail('no result of a known fork');
      const raw = fromHex(txbytes);
      if (expected.exception === undefined) expectValid(raw, expected);
      else expect(codesFor(expected.exception)).toContain(strobeCodeOf(() => admit(raw)));
    }
  });
});

function expectValid(raw: Bytes, expected: Outcome): void {
  const { transaction, sender } = admit(raw);
  expect(toHex(transaction.hash)).toBe(expected.hash);
  expect(toHex(sender)).toBe(expected.sender);
  expect(transactionGas(transaction).intrinsic).toBe(BigInt(expected.intrinsicGas));
}

/** The checks of the pool that are consensus rules too, up to Cancun, for a sender with all the ether there can be. */
function admit(raw: Bytes): { transaction: Transaction; sender: Address } {
  const transaction = decodeTransaction(raw);
  const sender = recoverAddress(transaction.signingHash, transaction.signature);
  // The pool takes transactions without a chain id from keyless deployers only; the tests are about consensus.
  checkStateless({ ...transaction, chainId: transaction.chainId ?? 1n, gasLimit: beforePrague(transaction) }, RULES);
  checkFunds(MAX_BALANCE, transaction.gasLimit * transaction.maxFeePerGas, 0n);
  return { transaction, sender };
}

/** The gas limit, raised to the floor of EIP-7623 where it is enough without. */
function beforePrague(transaction: Transaction): bigint {
  const { gasLimit } = transaction;
  const floor = transactionGas(transaction).floor;
  return gasLimit >= transactionGas(transaction).intrinsic && gasLimit < floor ? floor : gasLimit;
}

function codesFor(exception: string): readonly string[] {
  const name = exception.replace('TransactionException.', '');
  return name.startsWith('RLP_') ? RLP_CODES : (CODES[name] ?? []);
}
