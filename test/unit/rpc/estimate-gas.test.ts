import { expect, test } from 'vitest';
import type { RpcBackend } from '../../../src/protocol/ports/chain.ts';
import type { CallExecutor, CallPosition } from '../../../src/protocol/ports/execution.ts';
import { Executions } from '../../../src/rpc/executions.ts';
import { ethEstimateGas } from '../../../src/rpc/methods/eth-estimate-gas.ts';
import type { RpcCaller } from '../../../src/rpc/rpc-caller.ts';
import type { RpcModules } from '../../../src/rpc/rpc-method.ts';
import { FakeChain } from '../../support/fake-backend.ts';

const chain = new FakeChain();
const PRESENT = chain.backend.chain.latestEnvironment().timestamp;

/** The estimate where a call needs so much gas now, and so much in any later block; undefined: it reverts there. */
async function estimate(now: bigint, later: bigint | undefined, block: string): Promise<unknown> {
  const needed = ({ env }: CallPosition): bigint | undefined => (env.timestamp > PRESENT ? later : now);
  const calls: CallExecutor = {
    ...chain.backend.calls,
    call: async ({ gas }, position) => {
      const isEnough = (gas ?? 0n) >= (needed(position) ?? gas ?? 0n) && needed(position) !== undefined;
      return isEnough
        ? { kind: 'success', output: new Uint8Array(0), gasUsed: 1n, logs: [] }
        : { kind: 'reverted', output: new Uint8Array(0), gasUsed: 1n };
    },
    estimateGas: async (_request, position) => {
      const gas = needed(position);
      if (gas === undefined) throw new Error('execution reverted');
      return gas;
    },
  };
  const backend: RpcBackend = Object.create(chain.backend, { calls: { value: calls } });
  const executions = new Executions({ executors: 1, maxWaitingExecutions: 1 }, { backend });
  const modules = { backend, executions } as unknown as RpcModules;
  return ethEstimateGas.handle(ethEstimateGas.parse([{}, block]), modules, { client: {} } as RpcCaller);
}

test.each(['latest', 'pending'])('at %s it is enough in the next block, too', async (block) => {
  expect(await estimate(40_000n, 60_000n, block)).toBe('0xea60');
  expect(await estimate(40_000n, 30_000n, block)).toBe('0x9c40');
  expect(await estimate(40_000n, undefined, block)).toBe('0x9c40');
});

test('at a block that is named it is for that block', async () => {
  expect(await estimate(40_000n, 60_000n, '0x0')).toBe('0x9c40');
});
