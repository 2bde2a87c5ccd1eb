import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Address } from '../protocol/primitives.ts';
import { bytesEqual, fromHex, type Hex, toHex } from '../util/bytes.ts';
import { writeDurably } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';

const hex = z.custom<Hex>((value) => typeof value === 'string' && /^0x[0-9a-f]*$/.test(value), 'expected lower-case hex');

const evidenceSchema = z.strictObject({
  /** The rule that was broken, see FaultRule; or how a prover failed. */
  rule: z.string(),
  message: z.string(),
  /** µs since 1970. */
  atUs: z.number(),
  /** The signed messages that prove it, as they were received. */
  messages: z.array(hex),
});

const verdictsSchema = z.strictObject({
  /** `undo`: the node goes back to its safe block. */
  halted: z.strictObject({ rule: z.string(), message: z.string(), atUs: z.number(), undo: z.boolean() }).nullable(),
  excludedProvers: z.array(hex),
});

/** Proof of a wrong-doing that anyone can check. */
export type Evidence = z.output<typeof evidenceSchema>;

/** Why this node does not go on. */
export type HaltReason = NonNullable<z.output<typeof verdictsSchema>['halted']>;

/** Keeps evidence and its consequences over restarts. */
export interface EvidenceStore {
  add(evidence: Evidence): Promise<void>;
  list(): readonly Evidence[];
  /** Records that the node is halted; only its operator may take that back. */
  setHalted(reason: HaltReason): Promise<void>;
  halted(): HaltReason | undefined;
  excludeProver(prover: Address): Promise<void>;
  excludedProvers(): readonly Address[];
}

/**
 * Most pieces of evidence kept. The first ones say why the node halted or excluded a prover; there is at most one for
 * each prover and one for the halt, so the bound is reached only when someone floods it.
 */
const MAX_EVIDENCE = 64;
const VERDICTS_FILE = 'verdicts.json';
const EVIDENCE_FILE = /^evidence-\d{4}\.json$/;

/** Evidence as JSON files in one directory: one file for each piece, and one for the consequences. */
export class FileEvidenceStore implements EvidenceStore {
  readonly #directory: string;
  readonly #evidence: Evidence[];
  #halted: HaltReason | undefined;
  #excluded: Address[];

  private constructor(directory: string, evidence: Evidence[], halted: HaltReason | undefined, excluded: Address[]) {
    this.#directory = directory;
    this.#evidence = evidence;
    this.#halted = halted;
    this.#excluded = excluded;
  }

  /** @throws StrobeError EVIDENCE_CORRUPT naming the file */
  static async open(directory: string): Promise<FileEvidenceStore> {
    await mkdir(directory, { recursive: true });
    const names = (await readdir(directory)).sort();
    const evidence: Evidence[] = [];
    for (const name of names.filter((entry) => EVIDENCE_FILE.test(entry)).slice(0, MAX_EVIDENCE)) {
      evidence.push(await readJson(join(directory, name), evidenceSchema));
    }
    const verdicts = names.includes(VERDICTS_FILE)
      ? await readJson(join(directory, VERDICTS_FILE), verdictsSchema)
      : { halted: null, excludedProvers: [] };
    return new FileEvidenceStore(directory, evidence, verdicts.halted ?? undefined, verdicts.excludedProvers.map(fromHex));
  }

  async add(evidence: Evidence): Promise<void> {
    if (this.#evidence.length >= MAX_EVIDENCE) return;
    const name = `evidence-${String(this.#evidence.length).padStart(4, '0')}.json`;
    this.#evidence.push(evidence);
    await writeJson(join(this.#directory, name), evidence);
  }

  list(): readonly Evidence[] {
    return this.#evidence;
  }

  setHalted(reason: HaltReason): Promise<void> {
    this.#halted = reason;
    return this.#writeVerdicts();
  }

  halted(): HaltReason | undefined {
    return this.#halted;
  }

  async excludeProver(prover: Address): Promise<void> {
    if (this.#excluded.some((excluded) => bytesEqual(excluded, prover))) return;
    this.#excluded = [...this.#excluded, prover];
    await this.#writeVerdicts();
  }

  excludedProvers(): readonly Address[] {
    return this.#excluded;
  }

  #writeVerdicts(): Promise<void> {
    const verdicts: z.output<typeof verdictsSchema> = {
      halted: this.#halted ?? null,
      excludedProvers: this.#excluded.map(toHex),
    };
    return writeJson(join(this.#directory, VERDICTS_FILE), verdicts);
  }
}

async function readJson<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new StrobeError('EVIDENCE_CORRUPT', `${path}: ${errorMessage(cause)}`, { path }, { cause });
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeDurably(path, new TextEncoder().encode(JSON.stringify(value, null, 2)));
}
