import type { BlockOverrides } from '../protocol/ports/execution.ts';
import type { SimulationBlockOverrides } from '../protocol/ports/simulation.ts';
import {
  isAbsent,
  type JsonObject,
  readAddress,
  readArray,
  readHash,
  readObject,
  readOptional,
  readQuantity,
  readSafeInteger,
  readUint64,
} from './read-params.ts';
import { rpcError } from './rpc-error.ts';

/** Most withdrawals of a block (EIP-4895). */
const MAX_WITHDRAWALS = 16;

/** Block overrides of a call: geth's names, and the shorter ones that Rust clients send too. */
export function readBlockOverrides(value: unknown, field = 'blockOverrides'): BlockOverrides {
  if (isAbsent(value)) return {};
  const given = readObject(value, field);
  for (const name of ['beaconRoot', 'withdrawals']) {
    if (isAbsent(given[name])) continue;
    throw rpcError('UNSUPPORTED_OVERRIDE', `block override "${name}" is not supported for this RPC method`);
  }
  return readFields(given, field);
}

/** Block overrides of a simulated block, which has a header and a body. */
export function readSimulationOverrides(value: unknown, field: string): SimulationBlockOverrides {
  if (isAbsent(value)) return {};
  const given = readObject(value, field);
  return {
    ...readFields(given, field),
    parentBeaconRoot: readOptional(given['beaconRoot'], `${field}.beaconRoot`, readHash),
    withdrawals: readOptional(given['withdrawals'], `${field}.withdrawals`, readWithdrawals),
  };
}

/** A given `difficulty` means nothing since the merge, as in geth. */
function readFields(given: JsonObject, field: string): BlockOverrides {
  const named = <T>(names: readonly string[], read: (value: unknown, field: string) => T): T | undefined => {
    const name = names.find((each) => !isAbsent(given[each]));
    return name === undefined ? undefined : read(given[name], `${field}.${name}`);
  };
  return {
    number: named(['number'], readSafeInteger),
    timestamp: named(['time', 'timestamp'], readSafeInteger),
    gasLimit: named(['gasLimit'], readUint64),
    coinbase: named(['feeRecipient', 'coinbase'], readAddress),
    prevRandao: named(['prevRandao', 'random'], readHash),
    baseFeePerGas: named(['baseFeePerGas', 'baseFee'], readQuantity),
    blobBaseFee: named(['blobBaseFee'], readQuantity),
  };
}

function readWithdrawals(value: unknown, field: string) {
  return readArray(value, field, MAX_WITHDRAWALS).map((item) => {
    const withdrawal = readObject(item, field);
    const read = (name: string): bigint => readUint64(withdrawal[name], `${field}.${name}`);
    return {
      index: read('index'),
      validatorIndex: read('validatorIndex'),
      address: readAddress(withdrawal['address'], `${field}.address`),
      amountGwei: read('amount'),
    };
  });
}
