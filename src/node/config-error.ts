import { StrobeError } from '../util/errors.ts';

/** Settings are wrong: one line per problem, each naming its source. The command line exits with 2. */
export function configError(problems: readonly string[], cause?: unknown): StrobeError<'INVALID_CONFIG'> {
  return new StrobeError('INVALID_CONFIG', problems.join('\n'), {}, cause === undefined ? undefined : { cause });
}
