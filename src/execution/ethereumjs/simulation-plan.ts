import {
  MAX_SIMULATED_BLOCKS,
  type SimulationBase,
  type SimulationBlock,
  type SimulationErrorCode,
} from '../../protocol/ports/simulation.ts';
import { StrobeError } from '../../util/errors.ts';

/** A block with its place in the simulated chain. */
export interface PlannedBlock {
  readonly block: SimulationBlock;
  readonly number: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

const EMPTY_BLOCK: SimulationBlock = { blockOverrides: {}, stateOverrides: [], calls: [] };

/**
 * Gives every block its number and time; empty blocks fill gaps between numbers (geth's sanitizeChain).
 * @param blockSeconds between blocks that do not say when they are
 * @throws StrobeError SIMULATED_BLOCK_NUMBER, SIMULATED_BLOCK_TIMESTAMP, SIMULATION_LIMIT_EXCEEDED
 */
export function planBlocks(blocks: readonly SimulationBlock[], base: SimulationBase, blockSeconds: number): PlannedBlock[] {
  const planned: PlannedBlock[] = [];
  let { number, timestamp } = base.header;
  let next = base.nextTimestamp ?? timestamp + blockSeconds;
  const add = (block: SimulationBlock, at: number): void => {
    number += 1;
    timestamp = at;
    next = at + blockSeconds;
    planned.push({ block, number, timestamp });
  };
  for (const block of blocks) {
    const wanted = block.blockOverrides.number ?? number + 1;
    if (wanted <= number) {
      throw failure('SIMULATED_BLOCK_NUMBER', `block numbers must be in order: ${wanted} <= ${number}`);
    }
    if (wanted - base.header.number > MAX_SIMULATED_BLOCKS) {
      throw failure('SIMULATION_LIMIT_EXCEEDED', 'too many blocks');
    }
    while (number + 1 < wanted) add(EMPTY_BLOCK, next);
    const at = block.blockOverrides.timestamp ?? next;
    if (at <= timestamp) {
      throw failure('SIMULATED_BLOCK_TIMESTAMP', `block timestamps must be in order: ${at} <= ${timestamp}`);
    }
    add(block, at);
  }
  return planned;
}

function failure(code: SimulationErrorCode, message: string): StrobeError<SimulationErrorCode> {
  return new StrobeError(code, message);
}
