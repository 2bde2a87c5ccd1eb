import { type ErrorMeta, errorMessage, isStrobeError, StrobeError } from '../../util/errors.ts';

/** A snapshot that is damaged or contradicts itself; `file` may be any name of its source. */
export function invalidSnapshot(file: string, message: string, meta: ErrorMeta = {}): StrobeError<'INVALID_SNAPSHOT'> {
  return new StrobeError('INVALID_SNAPSHOT', `the snapshot ${file} cannot be used: ${message}`, { file, ...meta });
}

/** Runs a step on files: what is no error of ours is the disk's, SNAPSHOT_FAILED. */
export async function onDisk<Result>(what: string, file: string, step: () => Promise<Result>): Promise<Result> {
  try {
    return await step();
  } catch (cause) {
    if (isStrobeError(cause)) throw cause;
    // The medium has lost these bytes: for whoever reads that is damage like any other.
    if ((cause as NodeJS.ErrnoException).code === 'EIO') throw invalidSnapshot(file, `cannot ${what}: ${errorMessage(cause)}`);
    throw new StrobeError('SNAPSHOT_FAILED', `cannot ${what} ${file}: ${errorMessage(cause)}`, { file }, { cause });
  }
}

/** @throws StrobeError ABORTED */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new StrobeError('ABORTED', 'the snapshot was given up');
}
