import fc from 'fast-check';
import { parseTransaction, recoverTransactionAddress } from 'viem';
import { describe, expect, it } from 'vitest';
import { deriveAccounts } from '../../../src/bench/bench-accounts.ts';
import { presignLoad } from '../../../src/bench/presigned-load.ts';
import { SeededRandom } from '../../../src/bench/seeded-random.ts';
import { SetupPlan } from '../../../src/bench/setup-plan.ts';
import { createWorkload } from '../../../src/bench/workloads.ts';
import { toHex } from '../../../src/util/bytes.ts';

const MNEMONIC = 'test test test test test test test test test test test junk';
const TERMS = { chainId: 424242n, maxFeePerGas: 1_000n, maxPriorityFeePerGas: 1n };

async function sign(shape: { transactions: number; batchSize: number; lanes: number }, accountCount: number, firstNonce = 0) {
  const accounts = deriveAccounts(MNEMONIC, accountCount);
  for (const account of accounts) account.nonce = firstNonce;
  const workload = createWorkload('transfer', new SetupPlan(accounts), new SeededRandom(1));
  return { accounts, load: await presignLoad(shape, accounts, TERMS, workload, () => undefined) };
}

type Request = { id: number; params: [`0x02${string}`] };

describe('presignLoad', () => {
  it('plans each transaction once, each account in one lane, its nonces in order', async () => {
    const shapes = fc.record({
      transactions: fc.integer({ min: 1, max: 40 }),
      batchSize: fc.integer({ min: 1, max: 9 }),
      lanes: fc.integer({ min: 1, max: 6 }),
      accounts: fc.integer({ min: 1, max: 7 }),
    });
    await fc.assert(
      fc.asyncProperty(shapes, async ({ accounts: accountCount, ...shape }) => {
        const { load } = await sign(shape, accountCount, 3);
        const ids: number[] = [];
        const laneOf = new Map<number, number>();
        const nonces = new Map<number, number>();
        load.lanes.forEach((batches, lane) => {
          for (const batch of batches) {
            for (const { id, params } of JSON.parse(batch.body.toString()) as Request[]) {
              const sender = load.senders[id] as number;
              expect(laneOf.get(sender) ?? lane).toBe(lane);
              laneOf.set(sender, lane);
              expect(parseTransaction(params[0]).nonce).toBe(nonces.get(sender) ?? 3);
              nonces.set(sender, (nonces.get(sender) ?? 3) + 1);
              ids.push(id);
            }
          }
        });
        expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: shape.transactions }, (_, index) => index));
      }),
      { numRuns: 30 },
    );
  });

  it('signs with the keys of the senders it names', async () => {
    const { accounts, load } = await sign({ transactions: 6, batchSize: 4, lanes: 2 }, 3);
    for (const { id, params } of load.lanes.flat().flatMap(({ body }) => JSON.parse(body.toString()) as Request[])) {
      const address = accounts[load.senders[id] as number]?.address as Uint8Array;
      expect((await recoverTransactionAddress({ serializedTransaction: params[0] })).toLowerCase()).toBe(toHex(address));
    }
  });

  it('derives the well-known accounts and keeps a bad phrase out of the error', () => {
    expect(deriveAccounts(MNEMONIC, 2).map(({ address }) => toHex(address))).toEqual([
      '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266',
      '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
    ]);
    expect(() => deriveAccounts('my secret words', 1)).toThrow(/^the mnemonic is not a valid BIP-39 phrase$/);
  });
});
