import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, bytesEqual, fromHex, fromText, toHex } from '../util/bytes.ts';
import { writeDurably } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';

const hex = z.string().regex(/^0x(?:[0-9a-f]{2})*$/, 'expected lower-case hex');

const fileSchema = z.strictObject({
  exclusions: z.array(
    z.strictObject({
      prover: hex,
      blockNumber: z.int().min(0),
      /** Digest of what was signed: the same for provers who say the same. */
      result: hex,
      /** The attestation as it was received: the proof. */
      attestation: hex,
    }),
  ),
});

/** A prover's word against a block of this sequencer. */
export interface Exclusion {
  readonly prover: Address;
  readonly blockNumber: number;
  readonly result: Hash;
  readonly attestation: Bytes;
}

/**
 * Provers whose word does not count any more since they contradicted a block of this sequencer, with their statements, in
 * a file that outlives restarts (PROTOCOL section 7). There is at most one entry for each prover of the genesis file.
 */
export class ProverExclusions {
  readonly #path: string;
  #exclusions: readonly Exclusion[];

  private constructor(path: string, exclusions: readonly Exclusion[]) {
    this.#path = path;
    this.#exclusions = exclusions;
  }

  /** @throws StrobeError EVIDENCE_CORRUPT naming the file */
  static async open(path: string): Promise<ProverExclusions> {
    return new ProverExclusions(path, await readExclusions(path));
  }

  isExcluded(prover: Address): boolean {
    return this.#exclusions.some((exclusion) => bytesEqual(exclusion.prover, prover));
  }

  list(): readonly Exclusion[] {
    return this.#exclusions;
  }

  /** Resolves when it is on disk. Only the first word of a prover counts. */
  async add(exclusion: Exclusion): Promise<void> {
    if (this.isExcluded(exclusion.prover)) return;
    this.#exclusions = [...this.#exclusions, exclusion];
    const exclusions = this.#exclusions.map(({ prover, blockNumber, result, attestation }) => {
      return { prover: toHex(prover), blockNumber, result: toHex(result), attestation: toHex(attestation) };
    });
    await writeDurably(this.#path, fromText(`${JSON.stringify({ exclusions }, null, 2)}\n`));
  }

  /** The most provers that have one and the same other result for a block. */
  mostAgainst(blockNumber: number): number {
    const ofBlock = this.#exclusions.filter((exclusion) => exclusion.blockNumber === blockNumber);
    const byResult = Map.groupBy(ofBlock, ({ result }) => toHex(result));
    return Math.max(0, ...[...byResult.values()].map((same) => same.length));
  }
}

async function readExclusions(path: string): Promise<Exclusion[]> {
  try {
    const { exclusions } = fileSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return exclusions.map(({ prover, blockNumber, result, attestation }) => {
      return { prover: fromHex(prover), blockNumber, result: fromHex(result), attestation: fromHex(attestation) };
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new StrobeError('EVIDENCE_CORRUPT', `${path}: ${errorMessage(cause)}`, { path }, { cause });
  }
}
