import fc from 'fast-check';
import { type Bytes, bigIntToBytes32, concatBytes, fromHex } from '../../src/util/bytes.ts';
import { initCodeOf } from './contracts.ts';

/** PUSH32 of a number. */
function push(value: number | bigint): Bytes {
  return concatBytes(Uint8Array.of(0x7f), bigIntToBytes32(BigInt(value)));
}

/** An opcode with its operands, the top of the stack first. */
export function op(opcode: number, ...operands: (number | bigint)[]): Bytes {
  return concatBytes(...operands.reverse().map(push), Uint8Array.of(opcode));
}

export const CALL = 0xf1;
export const CALLCODE = 0xf2;
export const DELEGATECALL = 0xf4;
export const STATICCALL = 0xfa;

const WITH_VALUE: readonly number[] = [CALL, CALLCODE];
/** Writes 32 bytes of `code` to memory from 0. */
const store = (code: Bytes) => concatBytes(Uint8Array.of(0x7f), code, new Uint8Array(32 - code.length), op(0x52, 0));

export interface Call {
  readonly opcode: number;
  readonly to: bigint;
  readonly value: bigint;
  readonly gas: number;
  readonly input: number;
  readonly output: number;
}

export function call({ opcode, to, value, gas, input, output }: Call): Bytes {
  const data = [0, input, 0, output];
  return WITH_VALUE.includes(opcode) ? op(opcode, gas, to, value, ...data) : op(opcode, gas, to, ...data);
}

const small = fc.nat({ max: 3 });
const size = fc.constantFrom(0, 1, 4, 32, 100);

/** Pieces of code that use everything that frames, gas and state know, some of them to fail. */
function fragments(targets: readonly bigint[]): fc.Arbitrary<Bytes> {
  const calls = fc
    .record({
      opcode: fc.constantFrom(CALL, CALLCODE, DELEGATECALL, STATICCALL),
      to: fc.constantFrom(...targets),
      value: fc.constantFrom(0n, 0n, 0n, 1n, 10n ** 30n),
      gas: fc.constantFrom(0, 3_000, 100_000, 1_000_000),
      input: size,
      output: size,
    })
    .map(call);
  const inits = fc.constantFrom(
    initCodeOf(fromHex('0x600160005500')),
    fromHex('0x33ff'),
    fromHex('0x5f5ffd'),
    fromHex('0xfe'),
    fromHex('0x60ef5f5360015ff3'),
  );
  const creations = fc
    .tuple(inits, fc.constantFrom(0, 1), small, fc.boolean())
    .map(([init, value, salt, isSalted]) =>
      concatBytes(store(init), isSalted ? op(0xf5, value, 0, init.length, salt) : op(0xf0, value, 0, init.length)),
    );
  const storage = fc
    .tuple(small, small, fc.boolean())
    .map(([key, value, reads]) => (reads ? op(0x54, key) : op(0x55, key, value)));
  const logs = fc
    .tuple(fc.nat({ max: 2 }), size)
    .map(([topics, length]) => op(0xa0 + topics, 0, length, ...[7, 8].slice(0, topics)));
  const looks = fc.tuple(fc.constantFrom(0x31, 0x3b, 0x3f), fc.constantFrom(...targets)).map(([opcode, to]) => op(opcode, to));
  const plain = fc.constantFrom(
    ...[op(0x51, 64), op(0x20, 0, 40), op(0x0a, 3, 300), op(0x3e, 0, 0, 4), op(0x5e, 5, 0, 33), op(0x37, 0, 0, 40)],
    ...[op(0x5d, 1, 2), op(0x40, 3), Uint8Array.of(0x36), Uint8Array.of(0x3d), Uint8Array.of(0x5a), Uint8Array.of(0x80)],
  );
  return fc.oneof({ arbitrary: calls, weight: 4 }, { arbitrary: creations, weight: 2 }, storage, logs, looks, plain);
}

/** How a program ends: with STOP, RETURN, REVERT, SELFDESTRUCT, at the end of the code, or by a failure. */
const ENDS: readonly Bytes[] = [
  ...[fromHex('0x00'), op(0xf3, 0, 40), op(0xfd, 0, 40), op(0xff, 0x70), fromHex('0x'), fromHex('0xfe'), fromHex('0x0c')],
  ...[op(0x56, 1), fromHex('0x01'), op(0x51, 2n ** 40n)],
];

export function programs(targets: readonly bigint[]): fc.Arbitrary<Bytes> {
  return fc
    .tuple(fc.array(fragments(targets), { maxLength: 8 }), fc.constantFrom(...ENDS))
    .map(([body, end]) => concatBytes(...body, end));
}
