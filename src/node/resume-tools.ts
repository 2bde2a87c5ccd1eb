import { readFile, writeFile } from 'node:fs/promises';
import { FileEvidenceStore, type HaltReason } from '../fullnode/evidence/evidence-store.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import {
  assertResumeOrder,
  formatResumeOrder,
  parseResumeOrder,
  type ResumeOrder,
  resumeOrderDigest,
} from '../protocol/resume-order.ts';
import { createSigner } from '../protocol/signing.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { errorMessage } from '../util/errors.ts';
import { configError } from './config-error.ts';
import { evidenceDirectory } from './evidence-tools.ts';
import { type GenesisChain, loadGenesisChain } from './genesis-chain.ts';
import { loadNodeKey, type PasswordSettings } from './settings-password.ts';

/**
 * Reads the operator's order that a replica was started with.
 * @throws StrobeError INVALID_CONFIG when it cannot be read, INVALID_RESUME_ORDER, WRONG_CHAIN, INVALID_SIGNATURE, UNKNOWN_SIGNER
 */
export async function readResumeOrder(
  file: string | undefined,
  { genesis, identity }: GenesisChain,
): Promise<ResumeOrder | undefined> {
  if (file === undefined) return undefined;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw configError([`the resume order ${file} cannot be read: ${errorMessage(cause)}`], cause);
  });
  const order = parseResumeOrder(text);
  assertResumeOrder(order, identity.genesisHash, genesis);
  return order;
}

export interface ResumeRequest extends PasswordSettings {
  readonly keystore: string;
  readonly genesis: string;
  /** Which halt: that of the node with this data directory, or the one that its strobe_nodeInfo names. */
  readonly halt: { readonly dataDir: string } | { readonly digest: Hash };
  /** Excluded provers whose word counts again. */
  readonly reinstated: readonly Address[];
  readonly output: string;
}

/**
 * Signs the order for one halt with the operator's key and writes it to a file that must not be there yet.
 * @returns the order, and why the node halted where that is known here
 * @throws StrobeError INVALID_CONFIG, EVIDENCE_CORRUPT, and those of the keystore
 */
export async function writeResumeOrder(request: ResumeRequest): Promise<{ order: ResumeOrder; reason: HaltReason | undefined }> {
  const { genesis, identity } = await loadGenesisChain(request.genesis);
  const { haltDigest, reason } =
    'digest' in request.halt ? { haltDigest: request.halt.digest, reason: undefined } : await haltOf(request.halt.dataDir);
  const { address, privateKey } = await loadNodeKey(request);
  if (!bytesEqual(address, genesis.operatorKey)) {
    throw configError([`the key ${toHex(address)} is not strobe.operatorKey of ${request.genesis}`]);
  }
  const unsigned = { genesisHash: identity.genesisHash, haltDigest, reinstated: request.reinstated };
  const order = { ...unsigned, signature: createSigner(address, privateKey).sign(resumeOrderDigest(unsigned)) };
  await writeFile(request.output, formatResumeOrder(order), { flag: 'wx' }).catch((cause: unknown) => {
    throw configError([`${request.output} cannot be written: ${errorMessage(cause)}`], cause);
  });
  return { order, reason };
}

async function haltOf(dataDir: string): Promise<{ haltDigest: Hash; reason: HaltReason | undefined }> {
  const store = await FileEvidenceStore.open(await evidenceDirectory(dataDir));
  const haltDigest = store.haltDigest();
  if (haltDigest === undefined) throw configError([`the node of ${dataDir} is not halted`]);
  return { haltDigest, reason: store.halted() };
}
