import { describe, expect, it } from 'vitest';
import { planFees } from '../../../src/bench/chain-state.ts';
import type { RpcAnswer, RpcClient } from '../../../src/bench/rpc-client.ts';

const GWEI = 10n ** 9n;
const hex = (value: bigint): string => `0x${value.toString(16)}`;

function chain(balancesWei: bigint[]): RpcClient {
  const answers: Record<string, unknown> = {
    eth_chainId: '0x67932',
    eth_getBlockByNumber: { baseFeePerGas: hex(GWEI) },
    eth_maxPriorityFeePerGas: '0x1',
  };
  const rpc = {
    call: async (method: string) => answers[method],
    batch: async (): Promise<RpcAnswer[]> => balancesWei.map((balance) => ({ result: hex(balance) })),
  };
  return rpc as unknown as RpcClient;
}

const accounts = (count: number) =>
  Array.from({ length: count }, () => ({ address: new Uint8Array(20), privateKey: new Uint8Array(32), nonce: 0 }));

describe('planFees', () => {
  const budgets = [1_000_000n, 1_000_000n, 1_000_000n];

  it('pays up to a thousand base fees when every account can', async () => {
    const { terms, topUps } = await planFees(chain([10n ** 21n, 10n ** 21n, 10n ** 21n]), accounts(3), budgets, 21_000n);
    expect(terms).toEqual({ chainId: 424_242n, maxFeePerGas: 1_000n * GWEI + 1n, maxPriorityFeePerGas: 1n });
    expect(topUps).toEqual([]);
  });

  it('fills up poor accounts from the first and asks for less', async () => {
    const { terms, topUps } = await planFees(chain([10n ** 18n, 0n, 10n ** 18n]), accounts(3), budgets, 21_000n);
    expect(terms.maxFeePerGas).toBe(10n * GWEI + 1n);
    expect(topUps).toEqual([{ index: 1, amountWei: 1_000_000n * (10n * GWEI + 1n) }]);
  });

  it('refuses to start when the first account cannot pay for the others', async () => {
    const poor = planFees(chain([10n ** 16n + 10n ** 15n, 0n, 0n]), accounts(3), budgets, 21_000n);
    await expect(poor).rejects.toMatchObject({ code: 'BENCH_UNDERFUNDED' });
  });

  it('never asks for more than an ether a transaction, which nodes refuse', async () => {
    const rich = await planFees(chain([10n ** 24n]), accounts(1), [1_000_000n], 16_000_000n);
    expect(rich.terms.maxFeePerGas * 16_000_000n).toBeLessThan(10n ** 18n);
  });
});
