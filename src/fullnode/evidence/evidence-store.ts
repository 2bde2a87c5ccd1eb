import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Address, Hash } from '../../protocol/primitives.ts';
import type { ResumeOrder } from '../../protocol/resume-order.ts';
import { bytesEqual, fromHex, type Hex, toHex } from '../../util/bytes.ts';
import { writeDurably } from '../../util/durable-file.ts';
import { errorMessage, StrobeError } from '../../util/errors.ts';
import { type Evidence, evidenceDigest, evidenceSchema } from './evidence.ts';

const hex = z.custom<Hex>((value) => typeof value === 'string' && /^0x[0-9a-f]*$/.test(value), 'expected lower-case hex');

const verdictsSchema = z.strictObject({
  /** `undo`: the node goes back to its safe block. */
  halted: z.strictObject({ rule: z.string(), message: z.string(), atUs: z.number(), undo: z.boolean() }).nullable(),
  excludedProvers: z.array(hex),
  /** Halts that the operator lifted, oldest first. */
  resumed: z.array(z.strictObject({ haltDigest: hex, atUs: z.number(), signature: hex, reinstated: z.array(hex) })).optional(),
});

type Verdicts = z.output<typeof verdictsSchema>;

/** Why this node does not go on. */
export type HaltReason = NonNullable<Verdicts['halted']>;

/** Keeps evidence and its consequences over restarts. */
export interface EvidenceStore {
  /** Returns its position in the list; undefined when there is no room for more. */
  add(evidence: Evidence): Promise<number | undefined>;
  /** Replaces a piece of evidence by one that says the same and proves more. */
  replace(position: number, evidence: Evidence): Promise<void>;
  list(): readonly Evidence[];
  /** Records that the node is halted; only its operator may take that back. */
  setHalted(reason: HaltReason): Promise<void>;
  halted(): HaltReason | undefined;
  /** Names the halt that is in force; undefined without one. */
  haltDigest(): Hash | undefined;
  /** Ends the halt on the operator's word, which the caller has checked. */
  lift(order: ResumeOrder, atUs: number): Promise<void>;
  excludeProver(prover: Address): Promise<void>;
  excludedProvers(): readonly Address[];
}

/**
 * Most pieces of evidence kept. The first ones say why the node halted or excluded a prover; there is at most one for
 * each prover and one for the halt, so the bound is reached only when someone floods it.
 */
const MAX_EVIDENCE = 64;
/** Lifted halts that are remembered; there is a person behind each. */
const MAX_RESUMED = 64;
const VERDICTS_FILE = 'verdicts.json';
const EVIDENCE_FILE = /^evidence-\d{4}\.json$/;
const NO_VERDICTS: Verdicts = { halted: null, excludedProvers: [] };

/**
 * Reads the evidence of a data directory, in the order in which it was found; of a running node too.
 * @throws StrobeError EVIDENCE_CORRUPT naming the file
 */
export async function readEvidence(directory: string): Promise<Evidence[]> {
  const names = (await readdir(directory)).filter((name) => EVIDENCE_FILE.test(name)).sort();
  const evidence: Evidence[] = [];
  for (const name of names.slice(0, MAX_EVIDENCE)) evidence.push(await readJson(join(directory, name), evidenceSchema));
  return evidence;
}

/** Evidence as JSON files in one directory: one file for each piece, and one for the consequences. */
export class FileEvidenceStore implements EvidenceStore {
  readonly #directory: string;
  readonly #evidence: Evidence[];
  #verdicts: Verdicts;
  #excluded: readonly Address[];

  private constructor(directory: string, evidence: Evidence[], verdicts: Verdicts) {
    this.#directory = directory;
    this.#evidence = evidence;
    this.#verdicts = verdicts;
    this.#excluded = verdicts.excludedProvers.map(fromHex);
  }

  /** @throws StrobeError EVIDENCE_CORRUPT naming the file */
  static async open(directory: string): Promise<FileEvidenceStore> {
    await mkdir(directory, { recursive: true });
    const evidence = await readEvidence(directory);
    const isThere = (await readdir(directory)).includes(VERDICTS_FILE);
    const verdicts = isThere ? await readJson(join(directory, VERDICTS_FILE), verdictsSchema) : NO_VERDICTS;
    return new FileEvidenceStore(directory, evidence, verdicts);
  }

  async add(evidence: Evidence): Promise<number | undefined> {
    const position = this.#evidence.length;
    if (position >= MAX_EVIDENCE) return undefined;
    this.#evidence.push(evidence);
    await this.#write(position);
    return position;
  }

  async replace(position: number, evidence: Evidence): Promise<void> {
    this.#evidence[position] = evidence;
    await this.#write(position);
  }

  #write(position: number): Promise<void> {
    const name = `evidence-${String(position).padStart(4, '0')}.json`;
    return writeJson(join(this.#directory, name), this.#evidence[position]);
  }

  list(): readonly Evidence[] {
    return this.#evidence;
  }

  setHalted(halted: HaltReason): Promise<void> {
    return this.#setVerdicts({ halted });
  }

  halted(): HaltReason | undefined {
    return this.#verdicts.halted ?? undefined;
  }

  haltDigest(): Hash | undefined {
    const { halted } = this.#verdicts;
    if (halted === null) return undefined;
    const proof = this.#evidence.find(({ rule, atUs }) => rule === halted.rule && atUs === halted.atUs);
    // Without room for its evidence a halt is still named by what it says.
    return evidenceDigest(proof ?? { ...halted, messages: [] });
  }

  lift({ haltDigest, signature, reinstated }: ResumeOrder, atUs: number): Promise<void> {
    const lifted = { haltDigest: toHex(haltDigest), atUs, signature: toHex(signature), reinstated: reinstated.map(toHex) };
    const isReinstated = (prover: Address): boolean => reinstated.some((other) => bytesEqual(other, prover));
    this.#excluded = this.#excluded.filter((prover) => !isReinstated(prover));
    return this.#setVerdicts({ halted: null, resumed: [...(this.#verdicts.resumed ?? []), lifted].slice(-MAX_RESUMED) });
  }

  async excludeProver(prover: Address): Promise<void> {
    if (this.#excluded.some((excluded) => bytesEqual(excluded, prover))) return;
    this.#excluded = [...this.#excluded, prover];
    await this.#setVerdicts({});
  }

  excludedProvers(): readonly Address[] {
    return this.#excluded;
  }

  #setVerdicts(changes: Partial<Verdicts>): Promise<void> {
    this.#verdicts = { ...this.#verdicts, ...changes, excludedProvers: this.#excluded.map(toHex) };
    return writeJson(join(this.#directory, VERDICTS_FILE), this.#verdicts);
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
