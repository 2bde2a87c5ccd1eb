import type { FileHandle } from 'node:fs/promises';
import type { Bytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/** The two disk operations that decide about durability; a test may put a failing disk in. */
export interface LogDisk {
  /** Writes all of `bytes` at `position`. */
  write(file: FileHandle, bytes: Bytes, position: number): Promise<void>;
  /** Returns when what was written is on the medium. */
  sync(file: FileHandle): Promise<void>;
}

export const nodeDisk: LogDisk = {
  write: async (file, bytes, position) => {
    let written = 0;
    while (written < bytes.length) {
      const result = await file.write(bytes, written, bytes.length - written, position + written);
      if (result.bytesWritten === 0) throw new StrobeError('LOG_FAILED', 'the disk takes no more bytes');
      written += result.bytesWritten;
    }
  },
  sync: (file) => file.datasync(),
};

/** Reads up to `length` bytes at `position`, fewer only at the end of the file. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let read = 0;
  while (read < length) {
    const result = await file.read(buffer, read, length - read, position + read);
    if (result.bytesRead === 0) break;
    read += result.bytesRead;
  }
  return buffer.subarray(0, read);
}
