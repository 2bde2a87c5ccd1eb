import { StrobeError } from '../../src/util/errors.ts';

/** `value`, which the test knows to be there. */
export function defined<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new StrobeError('TEST_VALUE_MISSING', 'the test expected a value');
  return value;
}
