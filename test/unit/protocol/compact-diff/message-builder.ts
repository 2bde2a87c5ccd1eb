import { ByteWriter } from '../../../../src/protocol/compact-diff/byte-writer.ts';
import { PAYLOAD_COMPACT } from '../../../../src/protocol/compact-diff/format.ts';
import type { DiffPosition } from '../../../../src/protocol/diff-codec.ts';
import type { StateRows } from '../../../../src/protocol/row-diff.ts';
import { type Bytes, concatBytes } from '../../../../src/util/bytes.ts';

export const POSITION: DiffPosition = { number: 7, parentDigest: new Uint8Array(32).fill(0xab) };

/** A message part by part, so that each can be wrong; what is left out is empty or right. */
export interface MessageParts {
  readonly number?: number;
  readonly parentDigest?: Bytes;
  readonly accountBase?: number;
  readonly slotBase?: number;
  /** Counts of codes, new accounts, new slots, listed accounts, listed slots. */
  readonly counts?: readonly [number, number, number, number, number];
  /** Everything between the counts and the digest. */
  readonly body?: readonly (number | Bytes)[];
  readonly postDigest?: Bytes;
  readonly tail?: Bytes;
}

export function buildMessage(rows: StateRows, parts: MessageParts): Bytes {
  const out = new ByteWriter(64);
  out.writeByte(PAYLOAD_COMPACT);
  out.writeVarint(parts.number ?? POSITION.number);
  out.writeBytes(parts.parentDigest ?? POSITION.parentDigest.subarray(0, 8));
  out.writeVarint(parts.accountBase ?? rows.accountCount);
  out.writeVarint(parts.slotBase ?? rows.slotCount);
  for (const count of parts.counts ?? [0, 0, 0, 0, 0]) out.writeVarint(count);
  for (const part of parts.body ?? []) {
    if (typeof part === 'number') out.writeByte(part);
    else out.writeBytes(part);
  }
  out.writeBytes(parts.postDigest ?? new Uint8Array(8));
  out.writeBytes(parts.tail ?? new Uint8Array(0));
  return concatBytes(out.view());
}
