import { readFileSync } from 'node:fs';
import type * as z from 'zod';
import { errorMessage, StrobeError } from '../util/errors.ts';

/**
 * Reads one of the package's own value files (`config/<name>.json`), which stands at the same distance from `src` and
 * from the built `dist`.
 * @throws StrobeError INVALID_VALUES: the installation is damaged
 */
export function readValues<Schema extends z.ZodType>(name: string, schema: Schema): z.output<Schema> {
  const url = new URL(`../../config/${name}.json`, import.meta.url);
  try {
    return schema.parse(JSON.parse(readFileSync(url, 'utf8')));
  } catch (cause) {
    throw new StrobeError('INVALID_VALUES', `config/${name}.json: ${errorMessage(cause)}`, {}, { cause });
  }
}
