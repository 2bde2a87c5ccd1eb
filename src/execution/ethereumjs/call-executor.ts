import type { Hardfork } from '@ethereumjs/common';
import type {
  AccessListOutcome,
  AccountOverride,
  BlockHashReader,
  CallExecutor,
  CallOutcome,
  CallPosition,
  CallRequest,
} from '../../protocol/ports/execution.ts';
import type { StateView } from '../../protocol/ports/state.ts';
import { ZERO_HASH } from '../../protocol/primitives.ts';
import { TRANSACTION_GAS } from '../../protocol/transaction-gas.ts';
import { OverlayState } from '../../state/overlay-state.ts';
import { searchAccessList } from './access-list.ts';
import { searchGasLimit } from './gas-estimator.ts';
import { haltMessage, isRevert } from './geth-errors.ts';
import { runLimited, withSuppliedGas } from './limited-run.ts';
import { createMachine, type Machine } from './machine.ts';
import { environmentOf, toMessage } from './message.ts';
import { type MessageResult, runMessage } from './message-call.ts';
import { toLogs } from './result-conversion.ts';
import { overriddenState } from './state-override.ts';
import { storedBlockHash } from './stored-block-hash.ts';

/** Geth's --rpc.gascap. */
export const DEFAULT_GAS_CAP = 50_000_000n;
/** Geth's --rpc.evmtimeout. */
export const DEFAULT_MAX_CALL_MS = 5_000;

export interface CallExecutorOptions {
  readonly chainId: number;
  /** Default: Prague, which Strobe's blocks are. */
  readonly hardfork?: Hardfork;
  /** Most gas a call gets, whatever it asks for. */
  readonly gasCap?: bigint;
  /** Wall-clock limit of one call, or of all attempts of one estimate, ms. */
  readonly maxCallMs?: number;
}

/** What the machine stands on between calls. */
const NO_STATE: StateView = {
  getAccount: () => undefined,
  getStorage: () => ZERO_HASH,
  getCode: () => undefined,
  storageOf: () => [],
};

export interface CallExecutorModules {
  readonly blockHash: BlockHashReader;
}

/**
 * Calls on committed state with @ethereumjs/evm, in geth's semantics.
 *
 * From its start to its end a call or estimate waits for nothing but microtasks: state access is synchronous and no
 * precompile does I/O. So a call keeps its thread until it is done; `maxCallMs` bounds that.
 */
export class EthereumJsCallExecutor implements CallExecutor {
  readonly #gasCap: bigint;
  readonly #maxCallMs: number;
  readonly #machine: Machine;
  /** Of the newest call. */
  #position: CallPosition | undefined;
  /** The newest call: all share the machine, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CallExecutorOptions, modules: CallExecutorModules) {
    this.#gasCap = options.gasCap ?? DEFAULT_GAS_CAP;
    this.#maxCallMs = options.maxCallMs ?? DEFAULT_MAX_CALL_MS;
    const read: BlockHashReader = (number) =>
      modules.blockHash(number) ?? (this.#position && storedBlockHash(this.#position.state, this.#position.env, number));
    this.#machine = createMachine(options, { state: new OverlayState(NO_STATE), blockHash: read });
  }

  /** Gas above the cap is cut to it, as geth does. Also throws FEE_TOO_LOW, INVALID_FEES, INTRINSIC_GAS_TOO_LOW. */
  call(request: CallRequest, position: CallPosition, overrides: readonly AccountOverride[]): Promise<CallOutcome> {
    const gasLimit = this.#capGas(request.gas ?? this.#gasCap);
    return this.#exclusive(async () => {
      try {
        return toOutcome(await this.#run(request, position, overrides, gasLimit));
      } catch (error) {
        throw withSuppliedGas(error, gasLimit);
      }
    });
  }

  createAccessList(
    request: CallRequest,
    position: CallPosition,
    overrides: readonly AccountOverride[],
  ): Promise<AccessListOutcome> {
    const gasLimit = this.#capGas(request.gas ?? this.#gasCap);
    return this.#exclusive(async () => {
      try {
        const { accessList, result } = await searchAccessList(this.#machine, request.accessList, (list) =>
          this.#run({ ...request, accessList: list }, position, overrides, gasLimit),
        );
        return { accessList, outcome: toOutcome(result) };
      } catch (error) {
        throw withSuppliedGas(error, gasLimit);
      }
    });
  }

  estimateGas(request: CallRequest, position: CallPosition, overrides: readonly AccountOverride[]): Promise<bigint> {
    const asked = request.gas !== undefined && request.gas >= TRANSACTION_GAS ? request.gas : position.env.gasLimit;
    return this.#exclusive(() =>
      searchGasLimit(request, overriddenState(position.state, overrides), this.#capGas(asked), (gasLimit) =>
        this.#run(request, position, overrides, gasLimit),
      ),
    );
  }

  #run(
    request: CallRequest,
    position: CallPosition,
    overrides: readonly AccountOverride[],
    gasLimit: bigint,
  ): Promise<MessageResult> {
    // Overrides by the thousand take time, too, which the interpreter does not see.
    this.#machine.deadline.check();
    const message = toMessage(request, gasLimit);
    this.#position = position;
    this.#machine.precompiles.override(overrides);
    this.#machine.manager.attach(overriddenState(position.state, overrides));
    return runMessage(this.#machine, environmentOf(position.env, message), message);
  }

  #capGas(gas: bigint): bigint {
    return gas > this.#gasCap ? this.#gasCap : gas;
  }

  #exclusive<Result>(job: () => Promise<Result>): Promise<Result> {
    const run = this.#last.then(() => runLimited(this.#machine, { limitMs: this.#maxCallMs }, job));
    this.#last = run.catch(() => undefined);
    return run;
  }
}

function toOutcome({ execution, gasUsed }: MessageResult): CallOutcome {
  const { exceptionError, returnValue, logs } = execution;
  if (exceptionError === undefined) return { kind: 'success', output: returnValue, gasUsed, logs: toLogs(logs) };
  if (isRevert(execution)) return { kind: 'reverted', output: returnValue, gasUsed };
  return { kind: 'failed', message: haltMessage(execution), gasUsed };
}
