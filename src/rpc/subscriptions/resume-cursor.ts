import type { AppliedMiniBlock } from '../../protocol/ports/chain.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { toHex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { readHash, readObject, readSafeInteger } from '../read-params.ts';
import { invalidParams } from '../rpc-error.ts';

/** The last mini-block that a subscriber has; what follows it is to be pushed. */
export interface ResumeCursor {
  readonly number: number;
  /** With this an undone cursor is noticed; a number alone means whatever has that number now. */
  readonly identity: { readonly epoch: number; readonly digest: Hash } | undefined;
}

/** `<number>` or `{epoch, number, digest}`; numbers plain or as quantities. */
export function readCursor(value: unknown, field: string): ResumeCursor {
  if (typeof value !== 'object') return { number: readNumber(value, field), identity: undefined };
  const { number, epoch, digest } = readObject(value, field) as { number?: unknown; epoch?: unknown; digest?: unknown };
  return {
    number: readNumber(number, `${field}.number`),
    identity: { epoch: readNumber(epoch, `${field}.epoch`), digest: readHash(digest, `${field}.digest`) },
  };
}

function readNumber(value: unknown, field: string): number {
  if (typeof value === 'string') return readSafeInteger(value, field);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidParams(field, 'expected the number of a mini-block');
}

/** A cursor as it is pushed, and as {@link readCursor} takes it. */
export function formatCursor({ epoch, number, digest }: { epoch: number; number: number; digest: Hash }): string {
  return JSON.stringify({ epoch: quantity(epoch), number: quantity(number), digest: toHex(digest) });
}

/** The cursor behind a mini-block. */
export function cursorOf({ miniBlock: { envelope, digest } }: AppliedMiniBlock): string {
  return formatCursor({ epoch: envelope.epoch, number: envelope.number, digest });
}
