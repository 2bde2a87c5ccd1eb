import {
  MAX_SIMULATED_BLOCKS,
  type SimulationBlock,
  type SimulationCall,
  type SimulationRequest,
} from '../protocol/ports/simulation.ts';
import { type BlockParam, readBlockParam } from './block-param.ts';
import { readSimulationOverrides } from './read-block-overrides.ts';
import { readCallRequest, readOverrides } from './read-call.ts';
import { isAbsent, type JsonObject, readArray, readBoolean, readObject, readOptional, readUint64 } from './read-params.ts';
import { invalidParams, rpcError } from './rpc-error.ts';

/** Calls of a simulation: its gas is used up long before, by calls that do nothing. */
const MAX_CALLS = 5_000;

export interface SimulationParams {
  readonly request: SimulationRequest;
  readonly block: BlockParam;
  readonly returnsFullTransactions: boolean;
}

export function readSimulationParams([payload, block]: readonly unknown[]): SimulationParams {
  const given = readObject(payload, 'payload');
  const flag = (name: string): boolean => readOptional(given[name], name, readBoolean) ?? false;
  return {
    request: {
      blocks: readBlocks(given['blockStateCalls']),
      validation: flag('validation'),
      traceTransfers: flag('traceTransfers'),
    },
    block: readBlockParam(block),
    returnsFullTransactions: flag('returnFullTransactions'),
  };
}

function readBlocks(value: unknown): SimulationBlock[] {
  const field = 'blockStateCalls';
  const blocks = readArray(value, field, Number.POSITIVE_INFINITY);
  if (blocks.length === 0) throw invalidParams(field, 'empty input');
  if (blocks.length > MAX_SIMULATED_BLOCKS) throw rpcError('SIMULATION_LIMIT_EXCEEDED', 'too many blocks');
  const objects = blocks.map((block, index) => readObject(block, `${field}[${index}]`));
  // Counted before any is read: a request of the size that is allowed can hold a million empty ones.
  const calls = objects.reduce((sum, block) => sum + (Array.isArray(block['calls']) ? block['calls'].length : 0), 0);
  if (calls > MAX_CALLS) throw rpcError('SIMULATION_LIMIT_EXCEEDED', `too many calls, at most ${MAX_CALLS}`);
  return objects.map((block, index) => readBlock(block, `${field}[${index}]`));
}

function readBlock({ blockOverrides, stateOverrides, calls }: JsonObject, field: string): SimulationBlock {
  const list = isAbsent(calls) ? [] : readArray(calls, `${field}.calls`, MAX_CALLS);
  return {
    blockOverrides: readSimulationOverrides(blockOverrides, `${field}.blockOverrides`),
    stateOverrides: readOverrides(stateOverrides, `${field}.stateOverrides`),
    calls: list.map((call, index) => readCall(call, `${field}.calls[${index}]`)),
  };
}

function readCall(value: unknown, field: string): SimulationCall {
  const { nonce, gasPrice } = readObject(value, field);
  return {
    ...readCallRequest(value, field),
    nonce: readOptional(nonce, `${field}.nonce`, readUint64),
    hasGasPrice: !isAbsent(gasPrice),
  };
}
