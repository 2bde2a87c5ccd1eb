import { EVM, type EVMOpts, NobleBN254 } from '@ethereumjs/evm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChainCommon } from '../../../src/execution/ethereumjs/chain-config.ts';
import type { OpcodeEntry, OperationHandler, RunState } from '../../../src/execution/ethereumjs/interpreter-types.ts';
import { MEMORY_OPERATIONS } from '../../../src/execution/ethereumjs/synchronous-memory.ts';
import { defined } from '../../support/defined.ts';

const MLOAD = 0x51;
const MSTORE = 0x52;

const common = createChainCommon(1337);
const evm = new EVM({ common, bn254: new NobleBN254() } as EVMOpts);
const table = evm['_opcodeMap'] as unknown as OpcodeEntry[];

/** What `handler` leaves on the stack and in a memory of four words. */
function effect(handler: OperationHandler, stack: readonly bigint[], stored: Uint8Array) {
  const left = [...stack];
  const bytes = stored.slice();
  const runState = {
    stack: {
      push: (value: bigint) => left.push(value),
      pop: () => defined(left.pop()),
      popN: (count: number) => left.splice(-count).reverse(),
    },
    memory: {
      read: (offset: number, size: number) => bytes.subarray(offset, offset + size),
      write: (offset: number, size: number, value: Uint8Array) => {
        expect(value).toHaveLength(size);
        bytes.set(value, offset);
      },
    },
  } as unknown as RunState;
  handler(runState, common);
  return { stack: left, memory: [...bytes] };
}

test.each([
  ['MLOAD', MLOAD],
  ['MSTORE', MSTORE],
])('%s does what the library does', (_name, opcode) => {
  const ours = defined(MEMORY_OPERATIONS.get(opcode));
  const word = fc.oneof(fc.constantFrom(0n, 1n, 2n ** 256n - 1n), fc.bigInt(0n, 2n ** 256n - 1n), fc.bigInt(0n, 1_000n));
  const memory = fc.uint8Array({ minLength: 128, maxLength: 128 });
  fc.assert(
    fc.property(word, word, fc.nat({ max: 96 }), memory, (below, value, offset, stored) => {
      const stack = [below, value, BigInt(offset)];
      expect(effect(ours, stack, stored)).toEqual(effect(defined(table[opcode]).opHandler, stack, stored));
    }),
  );
});
