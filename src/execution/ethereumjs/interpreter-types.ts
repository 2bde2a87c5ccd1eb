import type { Common } from '@ethereumjs/common';
import { EVMError, type Log } from '@ethereumjs/evm';
import type { Address } from '@ethereumjs/util';
import type { Bytes } from '../../util/bytes.ts';

/** The parts of the library's interpreter that opcode handlers here use; it exports none of these types. */
export interface RunState {
  programCounter: number;
  opCode: number;
  gasLeft: bigint;
  memoryWordCount: bigint;
  highestMemCost: bigint;
  readonly code: Bytes;
  readonly stack: {
    push(value: bigint): void;
    pop(): bigint;
    popN(count: number): bigint[];
    peek(count: number): bigint[];
  };
  readonly memory: {
    /** With `asView` the memory itself, which must not be written to. */
    read(offset: number, size: number, asView?: boolean): Bytes;
    write(offset: number, size: number, value: Bytes): void;
  };
  /** True until the jump destinations of the code are set below. */
  shouldDoJumpAnalysis: boolean;
  validJumps: Uint8Array;
  cachedPushes: Record<number, bigint>;
  readonly env: {
    readonly address: Address;
    readonly isStatic: boolean;
    readonly isCreate: boolean;
    readonly contract: { readonly balance: bigint };
  };
  readonly interpreter: {
    readonly _result: { readonly logs: readonly Log[] };
    readonly journal: {
      isWarmedStorage(address: Bytes, key: Bytes): boolean;
      addWarmedStorage(address: Bytes, key: Bytes): void;
    };
    _getValidJumpDestinations(code: Bytes): { jumps: Uint8Array; pushes: Record<number, bigint> };
    getReturnDataSize(): bigint;
    refundGas(amount: bigint): void;
    subRefund(amount: bigint): void;
  };
}

/** Answers the opcode's whole gas, the static `fee` included. */
export type GasHandler = (runState: RunState, fee: bigint) => bigint;
export type OperationHandler = (runState: RunState, common: Common) => unknown;

export interface OpcodeEntry {
  readonly opcodeInfo: {
    readonly feeBigInt: bigint;
    readonly dynamicGas: boolean;
    readonly isInvalid: boolean;
  };
  readonly opHandler: OperationHandler;
  readonly gasHandler: unknown;
}

export function halt(reason: 'OUT_OF_GAS' | 'INVALID_OPCODE' | 'STATIC_STATE_CHANGE'): never {
  throw new EVMError(EVMError.errorMessages[reason]);
}
