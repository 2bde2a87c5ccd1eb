import { createBlock } from '@ethereumjs/block';
import { type ChainConfig, Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { MerkleStateManager } from '@ethereumjs/statemanager';
import { createTxFromRLP } from '@ethereumjs/tx';
import { Account, Address } from '@ethereumjs/util';
import { createVM, runBlock } from '@ethereumjs/vm';
import fc from 'fast-check';
import type { TransactionSerializable } from 'viem';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { expect, test } from 'vitest';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { encodeReceipt, type Receipt } from '../../../src/protocol/receipt.ts';
import { decodeTransaction } from '../../../src/protocol/transaction.ts';
import { type Bytes, fromHex, toHex, trimLeadingZeros } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import {
  CALL,
  EXTERNAL_CODE,
  initCodeOf,
  LOG,
  REVERT,
  SELF_DESTRUCT_INIT,
  STORE,
  TRANSIENT,
  words,
} from '../../support/contracts.ts';
import { addressOf, CHAIN_ID, createEngine, ENV, ETHER, stateWith } from '../../support/execution-harness.ts';
import type { MapState } from '../../support/map-state.ts';
import { stateRootOf } from '../../support/state-tests.ts';

const signers = ['a', 'b', 'c'].map((name) => privateKeyToAccount(toHex(keccak256(new TextEncoder().encode(name)))));
const CONTRACTS = [STORE, TRANSIENT, REVERT, EXTERNAL_CODE, CALL, LOG].map((code, i) => ({
  address: addressOf(0x40 + i),
  nonce: 1n,
  balance: 1n,
  code,
}));
const TARGETS = [
  ...CONTRACTS.map(({ address }) => address),
  ...signers.map((signer) => fromHex(signer.address.toLowerCase())),
  addressOf(0x99),
];
const CREATIONS = [initCodeOf(STORE), SELF_DESTRUCT_INIT, fromHex('0xfe')];

interface Plan {
  readonly signer: number;
  readonly type: 'legacy' | 'eip2930' | 'eip1559' | 'eip7702';
  readonly target: number;
  readonly creation: number | undefined;
  readonly value: number;
  readonly input: readonly [number, number];
  readonly gas: bigint;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  signer: fc.nat({ max: signers.length - 1 }),
  type: fc.constantFrom('legacy', 'eip2930', 'eip1559', 'eip7702'),
  target: fc.nat({ max: TARGETS.length - 1 }),
  creation: fc.option(fc.nat({ max: CREATIONS.length - 1 }), { nil: undefined, freq: 6 }),
  value: fc.nat({ max: 2 }),
  input: fc.tuple(
    fc.nat({ max: 3 }),
    fc.oneof(
      fc.nat({ max: 2 }),
      fc.nat({ max: TARGETS.length - 1 }).map((i) => -1 - i),
    ),
  ),
  gas: fc.constantFrom(100_000n, 400_000n, 1_000_000n),
});

test('random blocks have the same gas, receipts and state root as with the plain library', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 12 }), async (plans) => {
      const accounts = signers.map((signer) => ({ address: fromHex(signer.address.toLowerCase()), balance: ETHER }));
      const create = () => stateWith(...CONTRACTS, ...accounts);
      const raws = await signAll(plans);
      const expected = await runPlain(create(), raws);
      expect(await runEngine(create(), raws, true)).toEqual(expected);
      expect(await runEngine(create(), raws, false)).toEqual(expected);
    }),
    { numRuns: 12 },
  );
});

async function signAll(plans: readonly Plan[]): Promise<Bytes[]> {
  const nonces = signers.map(() => 0);
  const raws: Bytes[] = [];
  for (const entry of plans) {
    const signer = signers[entry.signer] as PrivateKeyAccount;
    const nonce = nonces[entry.signer] as number;
    // Another signer delegates to the target, which takes one of its nonces.
    const authorities = entry.type === 'eip7702' ? [(entry.signer + 1) % signers.length] : [];
    const authorizationList = await Promise.all(
      authorities.map((index) =>
        (signers[index] as PrivateKeyAccount).signAuthorization({
          chainId: CHAIN_ID,
          nonce: nonces[index] as number,
          address: toHex(TARGETS[entry.target] as Bytes),
        }),
      ),
    );
    raws.push(fromHex(await signer.signTransaction(toTransaction(entry, nonce, authorizationList))));
    nonces[entry.signer] = nonce + 1;
    for (const index of authorities) nonces[index] = (nonces[index] as number) + 1;
  }
  return raws;
}

function toTransaction(entry: Plan, nonce: number, authorizationList: unknown[]): TransactionSerializable {
  const [first, second] = entry.input;
  const creates = entry.creation !== undefined && entry.type !== 'eip7702';
  const to = toHex(TARGETS[entry.target] as Bytes);
  const data = creates
    ? (CREATIONS[entry.creation as number] as Bytes)
    : words(second < 0 ? (TARGETS[-1 - second] as Bytes) : first, Math.max(second, 0));
  const fees =
    entry.type === 'legacy' || entry.type === 'eip2930'
      ? { gasPrice: 1_500n }
      : { maxFeePerGas: 2_000n, maxPriorityFeePerGas: 7n };
  return {
    type: entry.type,
    chainId: CHAIN_ID,
    nonce,
    gas: entry.gas,
    value: BigInt(entry.value),
    data: toHex(data),
    ...fees,
    ...(!creates && { to }),
    ...(entry.type !== 'legacy' && { accessList: [{ address: to, storageKeys: [toHex(words(first))] }] }),
    ...(entry.type === 'eip7702' && { authorizationList }),
  } as TransactionSerializable;
}

interface BlockResult {
  readonly gasUsed: bigint;
  readonly receipts: readonly string[];
  readonly stateRoot: string;
}

async function runEngine(state: MapState, raws: readonly Bytes[], optimised: boolean): Promise<BlockResult> {
  const { engine, world } = createEngine(state, { optimised });
  await engine.beginBlock(ENV);
  const receipts: Receipt[] = [];
  for (const raw of raws) {
    const transaction = decodeTransaction(raw);
    const outcome = await engine.execute({ transaction, sender: recoverAddress(transaction.signingHash, transaction.signature) });
    if (outcome.kind === 'rejected') throw new TypeError(outcome.message);
    receipts.push(outcome.receipt);
  }
  state.apply(world.takeDiff(), 1);
  return {
    gasUsed: receipts.at(-1)?.cumulativeGasUsed ?? 0n,
    receipts: receipts.map((receipt) => toHex(encodeReceipt(receipt))),
    stateRoot: toHex(stateRootOf(state)),
  };
}

/** The library with nothing of ours: its own fork rules, crypto, state manager and block processing. */
async function runPlain(state: MapState, raws: readonly Bytes[]): Promise<BlockResult> {
  const common = new Common({ chain: plainChain(), hardfork: Hardfork.Prague });
  const stateManager = new MerkleStateManager({ common });
  await copyState(state, stateManager);
  const vm = await createVM({ common, stateManager });
  const transactions = raws.map((raw) => createTxFromRLP(raw, { common }));
  const header = {
    number: ENV.number,
    parentHash: ENV.parentHash,
    timestamp: ENV.timestamp,
    gasLimit: ENV.gasLimit,
    baseFeePerGas: ENV.baseFeePerGas,
    coinbase: new Address(ENV.coinbase),
    mixHash: ENV.prevRandao,
    parentBeaconBlockRoot: ZERO_HASH,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
  };
  const block = createBlock({ header, transactions, withdrawals: [] }, { common });
  const result = await runBlock(vm, { block, generate: true, skipBlockValidation: true });
  const receipts = result.receipts.map((receipt, i): Receipt => {
    if (!('status' in receipt)) throw new TypeError('a receipt without status');
    return {
      type: decodeTransaction(raws[i] as Bytes).type,
      status: receipt.status === 1 ? 1 : 0,
      cumulativeGasUsed: receipt.cumulativeBlockGasUsed,
      logs: receipt.logs.map(([address, topics, data]) => ({ address, topics, data })),
    };
  });
  return {
    gasUsed: result.gasUsed,
    receipts: receipts.map((receipt) => toHex(encodeReceipt(receipt))),
    stateRoot: toHex(result.stateRoot),
  };
}

function plainChain(): ChainConfig {
  const upToPrague = Mainnet.hardforks.findIndex((fork) => fork.name === Hardfork.Prague) + 1;
  return {
    ...Mainnet,
    chainId: CHAIN_ID,
    hardforks: Mainnet.hardforks.slice(0, upToPrague).map(({ name }) => ({ name, block: 0 })),
    customHardforks: { prague: { eips: [2537, 2935, 7623, 7685, 7691, 7702] } },
  };
}

async function copyState(state: MapState, target: MerkleStateManager): Promise<void> {
  for (const { address, account, slots } of state.entries()) {
    const owner = new Address(address);
    await target.putAccount(owner, new Account(account.nonce, account.balance));
    const code = state.getCode(account.codeHash);
    if (code !== undefined) await target.putCode(owner, code);
    for (const { key, value } of slots) await target.putStorage(owner, key, trimLeadingZeros(value));
  }
}
