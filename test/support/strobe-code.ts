import { isStrobeError } from '../../src/util/errors.ts';

/** The code of the StrobeError that `action` throws, 'no error' when it returns; any other error is passed on. */
export function strobeCodeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isStrobeError(error)) return error.code;
    throw error;
  }
  return 'no error';
}
