import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Evidence, evidenceDigest, evidenceSchema } from '../fullnode/evidence/evidence.ts';
import { readEvidence } from '../fullnode/evidence/evidence-store.ts';
import type { Finding } from '../fullnode/evidence/finding.ts';
import { verifyEvidence } from '../fullnode/evidence/verify-evidence.ts';
import { genesisHeader } from '../protocol/genesis.ts';
import { chainRules } from '../prover-stub/block-job.ts';
import { type Hex, toHex } from '../util/bytes.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { configError } from './config-error.ts';
import { loadGenesisChain } from './genesis-chain.ts';
import { SampledReexecution } from './sampled-reexecution.ts';

/** How evidence travels: one or more pieces in a JSON file. A single piece, as a node keeps it, is read too. */
const bundleSchema = z.strictObject({
  format: z.literal('strobe-evidence/1'),
  evidence: z.array(evidenceSchema).min(1).max(1_024),
});

/** Largest file that is read: several full blocks with their witnesses, in hex. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** A piece of evidence in words. */
export interface EvidenceSummary {
  readonly position: number;
  readonly rule: string;
  readonly message: string;
  /** ISO 8601. */
  readonly at: string;
  /** Names the piece; that of a halt is what an order to resume names. */
  readonly digest: Hex;
}

/**
 * Where a replica keeps its evidence.
 * @throws StrobeError INVALID_CONFIG when there is none
 */
export async function evidenceDirectory(dataDir: string): Promise<string> {
  const directory = join(dataDir, 'evidence');
  const isThere = await stat(directory).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (isThere) return directory;
  throw configError([`${dataDir} is not the data directory of a replica: it has no evidence folder`]);
}

/** Evidence of a data directory; of a running node too. @throws StrobeError INVALID_CONFIG, EVIDENCE_CORRUPT */
export async function listEvidence(dataDir: string): Promise<EvidenceSummary[]> {
  return (await readEvidence(await evidenceDirectory(dataDir))).map(summaryOf);
}

/**
 * Writes evidence to one file that must not be there yet.
 * @param position which piece; all of them when undefined
 * @throws StrobeError INVALID_CONFIG, EVIDENCE_CORRUPT
 */
export async function exportEvidence(dataDir: string, output: string, position?: number): Promise<EvidenceSummary[]> {
  const all = (await readEvidence(await evidenceDirectory(dataDir))).map((evidence, at) => ({ evidence, at }));
  const chosen = all.filter(({ at }) => position === undefined || at === position);
  if (chosen.length === 0)
    throw configError([position === undefined ? 'there is no evidence' : `there is no evidence ${position}`]);
  const bundle: z.input<typeof bundleSchema> = {
    format: 'strobe-evidence/1',
    evidence: chosen.map(({ evidence }) => evidence),
  };
  await writeFile(output, `${JSON.stringify(bundle)}\n`, { flag: 'wx' }).catch((cause: unknown) => {
    throw configError([`${output} cannot be written: ${errorMessage(cause)}`], cause);
  });
  return chosen.map(({ evidence, at }) => summaryOf(evidence, at));
}

export interface JudgedEvidence {
  readonly summary: EvidenceSummary;
  readonly finding: Finding;
}

/**
 * Judges a file of evidence by the genesis file alone.
 * @throws StrobeError EVIDENCE_UNREADABLE; INVALID_CONFIG, INVALID_GENESIS for the genesis file
 */
export async function judgeEvidenceFile(file: string, genesisFile: string): Promise<JudgedEvidence[]> {
  const { genesis, identity, stateRoot } = await loadGenesisChain(genesisFile);
  const all = await readEvidenceFile(file);
  const chain = { genesis, identity, genesisHeader: genesisHeader(genesis, stateRoot) };
  const reexecution = new SampledReexecution(chainRules(genesis, identity));
  try {
    const judged: JudgedEvidence[] = [];
    for (const [position, evidence] of all.entries()) {
      const finding = await verifyEvidence(evidence, chain, (block) => reexecution.run(block));
      judged.push({ summary: summaryOf(evidence, position), finding });
    }
    return judged;
  } finally {
    await reexecution.stop();
  }
}

async function readEvidenceFile(file: string): Promise<Evidence[]> {
  const unreadable = (reason: string, cause?: unknown) =>
    new StrobeError('EVIDENCE_UNREADABLE', `${file}: ${reason}`, { file }, { cause });
  let json: unknown;
  try {
    if ((await stat(file)).size > MAX_FILE_BYTES) throw unreadable(`larger than ${MAX_FILE_BYTES} bytes`);
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof StrobeError) throw cause;
    throw unreadable(errorMessage(cause), cause);
  }
  const bundle = bundleSchema.safeParse(json);
  if (bundle.success) return bundle.data.evidence;
  const single = evidenceSchema.safeParse(json);
  if (single.success) return [single.data];
  const isBundle = typeof json === 'object' && json !== null && 'format' in json;
  const issue = (isBundle ? bundle : single).error?.issues[0];
  throw unreadable(`not evidence: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

function summaryOf(evidence: Evidence, position: number): EvidenceSummary {
  const { rule, message, atUs } = evidence;
  return { position, rule, message, at: new Date(atUs / 1_000).toISOString(), digest: toHex(evidenceDigest(evidence)) };
}
