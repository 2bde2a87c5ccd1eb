import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeStateDiff, encodeStateDiff, type StateDiff } from '../../../src/protocol/state-diff.ts';

/** Diffs on disk, in the order written: a file each, as lists that are measured one by one. */
export class DiffFiles {
  readonly #directory: string;

  constructor(directory: string, list: string) {
    this.#directory = join(directory, list);
  }

  write(diffs: Iterable<StateDiff>): void {
    mkdirSync(this.#directory);
    let index = 0;
    for (const diff of diffs) writeFileSync(join(this.#directory, `${1e6 + index++}`), encodeStateDiff(diff));
  }

  *read(): Generator<StateDiff, void, undefined> {
    for (const name of readdirSync(this.#directory).sort()) yield decodeStateDiff(readFileSync(join(this.#directory, name)));
  }
}
