import type {
  AccountOverride,
  CallExecutor,
  CallOutcome,
  CallPosition,
  CallRequest,
} from '../../src/protocol/ports/execution.ts';
import { bytesEqual, fromHex } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { CONTRACT, CONTRACT_SLOT, REVERT_OUTPUT, REVERTER } from './fake-contracts.ts';

const CALL_GAS = 21_000n;

/** A call as a test finds it. */
export interface FakeCall {
  readonly request: CallRequest;
  readonly position: CallPosition;
  readonly overrides: readonly AccountOverride[];
}

/** Echoes data, reverts at {@link REVERTER}, and fails with one gas; notes calls in `calls`. */
export function fakeCalls(calls: FakeCall[]): CallExecutor {
  const executor: CallExecutor = {
    call: async (request, position, overrides): Promise<CallOutcome> => {
      calls.push({ request, position, overrides });
      if (request.to !== undefined && bytesEqual(request.to, REVERTER)) {
        return { kind: 'reverted', output: fromHex(REVERT_OUTPUT), gasUsed: CALL_GAS };
      }
      if (request.gas === 1n) return { kind: 'failed', message: 'out of gas', gasUsed: 1n };
      return { kind: 'success', output: request.data, gasUsed: CALL_GAS, logs: [] };
    },
    estimateGas: async (request, position, overrides) => {
      calls.push({ request, position, overrides });
      if (request.to !== undefined && bytesEqual(request.to, REVERTER)) {
        throw new StrobeError('EXECUTION_REVERTED', 'execution reverted', { output: REVERT_OUTPUT });
      }
      return CALL_GAS;
    },
    createAccessList: async (request, position, overrides) => ({
      accessList: [...request.accessList, { address: CONTRACT, storageKeys: [CONTRACT_SLOT] }],
      outcome: await executor.call(request, position, overrides),
    }),
  };
  return executor;
}
