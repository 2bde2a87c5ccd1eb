import { EVM, type EVMOpts, getActivePrecompiles, NobleBN254, type PrecompileInput } from '@ethereumjs/evm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChainCommon } from '../../../src/execution/ethereumjs/chain-config.ts';
import { ExecutionDeadline } from '../../../src/execution/ethereumjs/execution-deadline.ts';
import type { OpcodeEntry } from '../../../src/execution/ethereumjs/interpreter-types.ts';
import { createModexp } from '../../../src/execution/ethereumjs/modexp.ts';
import { SYNCHRONOUS_GAS } from '../../../src/execution/ethereumjs/synchronous-gas.ts';
import { ASYNCHRONOUS_OPCODES } from '../../../src/execution/ethereumjs/synchronous-loop.ts';
import { bigIntToBytes32, concatBytes } from '../../../src/util/bytes.ts';

const SLOAD = 0x54;
const SSTORE = 0x55;
const AsyncFunction = (async () => undefined).constructor;

const common = createChainCommon(1337);
const evm = new EVM({ common, bn254: new NobleBN254() } as EVMOpts);
const table = evm['_opcodeMap'] as unknown as OpcodeEntry[];

test('exactly the opcodes with asynchronous handlers are left to the library', () => {
  const asynchronous = table.flatMap((entry, opcode) => (entry.opHandler instanceof AsyncFunction ? [opcode] : []));
  expect(new Set(asynchronous)).toEqual(new Set([...ASYNCHRONOUS_OPCODES, SLOAD, SSTORE]));
});

test('every opcode with computed gas has a synchronous price or is left to the library', () => {
  const computed = table.flatMap(({ opcodeInfo }, opcode) => (opcodeInfo.dynamicGas ? [opcode] : []));
  expect(new Set(computed.filter((opcode) => !ASYNCHRONOUS_OPCODES.has(opcode)))).toEqual(
    new Set([...SYNCHRONOUS_GAS.keys(), SLOAD, SSTORE]),
  );
});

test('MODEXP agrees with the library in result and gas', () => {
  const library = getActivePrecompiles(common).get('05'.padStart(40, '0'));
  const modexp = createModexp(new ExecutionDeadline());
  const lengths = fc.record({ base: fc.nat({ max: 70 }), exponent: fc.nat({ max: 70 }), modulus: fc.nat({ max: 70 }) });
  fc.assert(
    fc.property(
      lengths,
      fc.uint8Array({ maxLength: 200 }),
      fc.bigInt(0n, 30_000n),
      ({ base, exponent, modulus }, rest, gasLimit) => {
        const header = [base, exponent, modulus].map((length) => bigIntToBytes32(BigInt(length)));
        const input = { data: concatBytes(...header, rest), gasLimit, common, _EVM: evm } as unknown as PrecompileInput;
        const { executionGasUsed, returnValue, exceptionError } = modexp(input);
        const expected = library?.(input);
        expect({ executionGasUsed, returnValue: [...returnValue], exceptionError }).toMatchObject({
          ...expected,
          returnValue: [...((expected as { returnValue: Uint8Array }).returnValue ?? [])],
        });
      },
    ),
    { numRuns: 500 },
  );
});

test('MODEXP refuses lengths that no gas pays for', () => {
  const modexp = createModexp(new ExecutionDeadline());
  const huge = bigIntToBytes32(2n ** 255n);
  const input = { data: concatBytes(huge, huge, huge), gasLimit: 50_000_000n } as PrecompileInput;
  expect(modexp(input)).toMatchObject({ executionGasUsed: 50_000_000n, exceptionError: { error: 'out of gas' } });
});
