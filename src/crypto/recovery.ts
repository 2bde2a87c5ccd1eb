import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { recoverAddress } from '../util/secp256k1.ts';
import { SIGNATURE_BYTES, type Signature } from '../util/signature.ts';

/** Bytes of one job in a batch: signing hash, then signature. */
const JOB_BYTES = 32 + SIGNATURE_BYTES;
/** Bytes of one result: 1 when a sender was recovered, then its address. */
const RESULT_BYTES = 21;

export interface RecoveryJob {
  readonly signingHash: Hash;
  readonly signature: Signature;
}

/** Packs jobs for another thread: one buffer is cheaper to hand over than many objects. */
export function packRecoveryJobs(jobs: readonly RecoveryJob[]): Bytes {
  return concatBytes(...jobs.flatMap((job) => [job.signingHash, job.signature]));
}

/** Recovers every job of a packed batch; 21 bytes a result. */
export function recoverBatch(packed: Bytes): Bytes {
  const count = packed.length / JOB_BYTES;
  const results = new Uint8Array(count * RESULT_BYTES);
  for (let i = 0; i < count; i++) {
    const job = packed.subarray(i * JOB_BYTES, (i + 1) * JOB_BYTES);
    const address = tryRecover(job.subarray(0, 32), job.subarray(32));
    if (address === undefined) continue;
    results[i * RESULT_BYTES] = 1;
    results.set(address, i * RESULT_BYTES + 1);
  }
  return results;
}

function tryRecover(hash: Hash, signature: Signature): Address | undefined {
  try {
    return recoverAddress(hash, signature);
  } catch (error) {
    if (error instanceof StrobeError) return undefined;
    throw error;
  }
}

/** Addresses of a batch's results, undefined where a signature is not valid. */
export function unpackRecoveryResults(results: Bytes): (Address | undefined)[] {
  const addresses: (Address | undefined)[] = [];
  for (let offset = 0; offset < results.length; offset += RESULT_BYTES) {
    addresses.push(results[offset] === 1 ? results.slice(offset + 1, offset + RESULT_BYTES) : undefined);
  }
  return addresses;
}
