import { bigIntToBytes32, bytesToBigInt } from '../../util/bytes.ts';
import type { OperationHandler } from './interpreter-types.ts';

const WORD_BYTES = 32;

/**
 * MLOAD and MSTORE by opcode, as the library's but for the conversion: it pads a word by spreading arrays, which takes a
 * tenth of a call of an ERC-20.
 */
export const MEMORY_OPERATIONS: ReadonlyMap<number, OperationHandler> = new Map<number, OperationHandler>([
  [
    0x51,
    ({ stack, memory }) => {
      stack.push(bytesToBigInt(memory.read(Number(stack.pop()), WORD_BYTES, true)));
    },
  ],
  [
    0x52,
    ({ stack, memory }) => {
      const [offset, word] = stack.popN(2) as [bigint, bigint];
      memory.write(Number(offset), WORD_BYTES, bigIntToBytes32(word));
    },
  ],
]);
