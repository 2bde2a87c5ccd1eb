/** JSON-safe context of an error: never secrets, never unbounded input. */
export type ErrorMeta = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * The only error class of Strobe: a stable `code` that callers match on, a sentence for people, and JSON-safe
 * metadata. It survives a worker boundary through {@link StrobeError.toJSON} and {@link StrobeError.from}.
 */
export class StrobeError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly meta: ErrorMeta;

  constructor(code: Code, message: string, meta: ErrorMeta = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StrobeError';
    this.code = code;
    this.meta = meta;
  }

  toJSON(): { name: string; code: Code; message: string; meta: ErrorMeta } {
    return { name: this.name, code: this.code, message: this.message, meta: this.meta };
  }

  /** Rebuilds an error from its {@link StrobeError.toJSON} form (worker messages, peer answers). */
  static from(json: { code: string; message: string; meta?: ErrorMeta }): StrobeError {
    return new StrobeError(json.code, json.message, json.meta ?? {});
  }
}

/** True when `error` is a {@link StrobeError}, with `code` when one is given. */
export function isStrobeError<Code extends string>(error: unknown, code?: Code): error is StrobeError<Code> {
  return error instanceof StrobeError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Any thrown value as a coded error; foreign errors become INTERNAL_ERROR. */
export function toStrobeError(error: unknown): StrobeError {
  if (isStrobeError(error)) return error;
  return new StrobeError('INTERNAL_ERROR', errorMessage(error), {}, { cause: error });
}

/** States an invariant where it must hold; a failure is a bug of ours, never bad input. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new StrobeError('INVARIANT_VIOLATED', message);
}
