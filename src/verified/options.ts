import { PROOF_TYPE_REEXECUTION } from '../protocol/attestation.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, fromHex, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/** What a client has to know of the chain beforehand. All of it is in the genesis file; nothing of it comes from the node. */
export interface VerifiedTransportOptions {
  /** Hash of block 0: the chain's identity, which every attestation is bound to. */
  readonly genesisHash: `0x${string}`;
  readonly chainId: number;
  /** `strobe.provers` of the genesis file: addresses of those who may attest. */
  readonly provers: readonly `0x${string}`[];
  /** `strobe.threshold` of the genesis file: how many of them must agree. */
  readonly threshold: number;
  /** Kinds of proof that count; default: signed re-execution (1). */
  readonly proofTypes?: readonly number[];
  /**
   * Requests that cannot be verified: refused (false, the default), handed to the node and answered unverified (true), or
   * only these methods handed on.
   */
  readonly passThrough?: boolean | readonly string[];
  /** Oldest newest attested block that is believed to be the newest, s; default 120. Infinity: any age. */
  readonly maxAgeSeconds?: number;
  /** How long the newest attested block is used before the node is asked again, ms; default 500. */
  readonly refreshMs?: number;
  /** The clock that ages are taken from, ms since 1970; default: the system's. */
  readonly nowMs?: () => number;
}

/** {@link VerifiedTransportOptions}, checked and with defaults. */
export interface Trust {
  readonly genesisHash: Hash;
  readonly chainId: number;
  /** By address in hex without prefix. */
  readonly provers: ReadonlySet<string>;
  readonly threshold: number;
  readonly proofTypes: readonly number[];
  readonly passesThrough: (method: string) => boolean;
  readonly maxAgeSeconds: number;
  readonly refreshMs: number;
  readonly nowMs: () => number;
}

/** Two minutes: an idle chain makes a block every 5 s, and provers take seconds. */
const DEFAULT_MAX_AGE_SECONDS = 120;
/** Half a block. */
const DEFAULT_REFRESH_MS = 500;

/** @throws StrobeError INVALID_OPTIONS */
export function trustOf(options: VerifiedTransportOptions): Trust {
  const { chainId, threshold, passThrough = false } = options;
  const provers = new Set(options.provers.map((address) => toKey(bytesOf(address, 20, 'provers'))));
  if (provers.size !== options.provers.length) throw invalid('a prover is listed twice: it has one vote');
  if (!Number.isSafeInteger(chainId) || chainId < 1) throw invalid('chainId is a positive number');
  if (!Number.isSafeInteger(threshold) || threshold < 1 || threshold > provers.size) {
    throw invalid('threshold is at least 1 and at most the number of provers');
  }
  return {
    genesisHash: bytesOf(options.genesisHash, 32, 'genesisHash'),
    chainId,
    provers,
    threshold,
    proofTypes: options.proofTypes ?? [PROOF_TYPE_REEXECUTION],
    passesThrough: (method) => (typeof passThrough === 'boolean' ? passThrough : passThrough.includes(method)),
    maxAgeSeconds: options.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS,
    refreshMs: options.refreshMs ?? DEFAULT_REFRESH_MS,
    nowMs: options.nowMs ?? Date.now,
  };
}

function bytesOf(hex: string, length: number, field: string): Address | Hash {
  let bytes: Bytes | undefined;
  try {
    bytes = fromHex(hex);
  } catch (cause) {
    throw invalid(`${field}: not hex`, cause);
  }
  if (bytes.length !== length) throw invalid(`${field}: ${length} bytes are expected`);
  return bytes;
}

function invalid(message: string, cause?: unknown): StrobeError<'INVALID_OPTIONS'> {
  return new StrobeError('INVALID_OPTIONS', message, {}, cause === undefined ? undefined : { cause });
}
