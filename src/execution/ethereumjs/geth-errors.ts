import { EVMError, type ExecResult } from '@ethereumjs/evm';

const { errorMessages } = EVMError;

/** Geth's wording of exceptional halts (core/vm/errors.go) by the library's. */
const GETH_WORDING: ReadonlyMap<string, string> = new Map<string, string>([
  [errorMessages.CODESTORE_OUT_OF_GAS, 'contract creation code storage out of gas'],
  [errorMessages.CODESIZE_EXCEEDS_MAXIMUM, 'max code size exceeded'],
  [errorMessages.STACK_OVERFLOW, 'stack limit reached 1024 (1023)'],
  [errorMessages.STATIC_STATE_CHANGE, 'write protection'],
  [errorMessages.CREATE_COLLISION, 'contract address collision'],
  [errorMessages.INSUFFICIENT_BALANCE, 'insufficient balance for transfer'],
  [errorMessages.INVALID_BYTECODE_RESULT, 'invalid code: must not begin with 0xef'],
  [errorMessages.INITCODE_SIZE_VIOLATION, 'max initcode size exceeded'],
]);

/** The opcode that is defined to be invalid; geth calls it by its name. */
const DESIGNATED_INVALID = 0xfe;

/** Geth's message for a call that ended in an exceptional halt other than REVERT. */
export function haltMessage({ exceptionError, runState }: ExecResult): string {
  return gethWording(exceptionError?.error ?? 'execution failed', runState?.opCode);
}

/** @param opcode where the library's error came up */
export function gethWording(error: string, opcode = DESIGNATED_INVALID): string {
  if (error === errorMessages.INVALID_OPCODE) return `invalid opcode: ${opcodeName(opcode)}`;
  // The library appends where the jump was.
  if (error.startsWith(errorMessages.INVALID_JUMP)) return 'invalid jump destination';
  return GETH_WORDING.get(error) ?? error;
}

export function isRevert({ exceptionError }: ExecResult): boolean {
  return exceptionError?.error === errorMessages.REVERT;
}

export function isOutOfGas({ exceptionError }: ExecResult): boolean {
  return exceptionError?.error === errorMessages.OUT_OF_GAS;
}

function opcodeName(opcode: number): string {
  return opcode === DESIGNATED_INVALID ? 'INVALID' : `opcode 0x${opcode.toString(16)} not defined`;
}
