import { keccak256 } from '../../../src/util/keccak.ts';
import { percentile } from '../percentiles.ts';

const HASHES = 1_000;
const HASH_ROUNDS = 100;

/** Seconds of this thread's processor time so far: what else runs on the machine shows less in it than in the clock. */
function processorSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

/** Processor seconds that `work` takes on this thread. */
export function timed(work: () => void): number {
  const start = processorSeconds();
  work();
  return processorSeconds() - start;
}

/** As {@link timed}; nothing else may run on the thread meanwhile. */
export async function timedAsync(work: () => Promise<unknown>): Promise<number> {
  const start = processorSeconds();
  await work();
  return processorSeconds() - start;
}

/** Seconds by the clock that `work` takes. */
export async function elapsed(work: () => unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1_000;
}

/** ns that keccak256 of 64 bytes takes, the median of some rounds. */
export function measureHashNs(): number {
  const input = new Uint8Array(64);
  const times = Array.from({ length: HASH_ROUNDS }, () => {
    const startMs = performance.now();
    for (let i = 0; i < HASHES; i++) keccak256(input);
    return performance.now() - startMs;
  });
  return (percentile(times, 50) / HASHES) * 1e6;
}
