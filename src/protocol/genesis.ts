import { z } from 'zod';
import { type Bytes, EMPTY_BYTES, fromHex, fromText, padTo32, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { type BlockHeader, hashHeader } from './block-header.ts';
import { MAX_TRANSACTION_GAS } from './limits.ts';
import {
  type Address,
  BEACON_ROOTS_CONTRACT,
  EMPTY_CODE_HASH,
  EMPTY_TRIE_ROOT,
  type Hash,
  HISTORY_CONTRACT,
  ZERO_HASH,
} from './primitives.ts';
import { BLOOM_BYTES } from './receipt.ts';
import { type AccountDiff, createStateDiff, isEmptyAccount, type StateDiff, sortSlots } from './state-diff.ts';

const hexBytes = z.string().regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'expected 0x-prefixed hex bytes');
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, 'expected a 20-byte address');
const word = z.string().regex(/^0x[0-9a-fA-F]{1,64}$/, 'expected a hex word of at most 32 bytes');
/** A quantity as geth writes it: hex, decimal string or number. */
const quantity = z
  .union([z.string().regex(/^(?:0x[0-9a-fA-F]+|[0-9]+)$/, 'expected a quantity'), z.number().int().nonnegative()])
  .transform((value) => BigInt(value));
const bounded = (max: bigint) => quantity.refine((value) => value <= max, `at most ${max}`);
/** Wei amounts and gas as the header and the state trie hold them. */
const uint256 = bounded(2n ** 256n - 1n);
const uint64 = bounded(2n ** 64n - 1n);
/** A time in seconds has 6 bytes in a header here. */
const seconds = bounded(2n ** 48n - 1n);
const distinct = (names: readonly string[]): boolean => new Set(names.map((name) => name.toLowerCase())).size === names.length;

const strobeSchema = z.strictObject({
  /** Keys that may sign as sequencer; the first is the one that opens the chain. */
  sequencerKeys: z.array(address).min(1),
  operatorKey: address,
  /** Each once: a prover has one vote. */
  provers: z.array(address).refine(distinct, 'a prover is listed twice'),
  /** How many provers must agree before a block is safe. */
  threshold: z.number().int().positive(),
  feeRecipient: address,
  baseFeeFloorWei: uint256,
  blockIntervalMs: z.number().int().min(1000),
  miniBlockIntervalMs: z.number().int().min(1).max(1000),
  limits: z.strictObject({
    /** Pool cap on one transaction's gas. */
    maxTransactionGas: quantity.refine((gas) => gas <= MAX_TRANSACTION_GAS, 'at most 2^24 (EIP-7825)'),
    /** Blocks that may lie above the safe head before the sequencer cuts its gas budget. */
    maxUnattestedBlocks: z.number().int().positive(),
  }),
  /** Activation second of each fork; all of Prague is active from the start. */
  forks: z.strictObject({ prague: z.literal(0) }),
});

const genesisSchema = z.looseObject({
  config: z.looseObject({ chainId: z.number().int().positive().max(Number.MAX_SAFE_INTEGER) }),
  timestamp: seconds,
  gasLimit: uint64,
  baseFeePerGas: uint256,
  alloc: z.record(
    z.string().regex(/^(?:0x)?[0-9a-fA-F]{40}$/, 'expected a 20-byte address'),
    z.strictObject({
      balance: uint256.optional(),
      nonce: uint64.optional(),
      code: hexBytes.optional(),
      storage: z.record(word, word).optional(),
    }),
  ),
  strobe: strobeSchema,
});

/** The genesis file as written: geth's format with a `strobe` object. */
export type GenesisFile = z.input<typeof genesisSchema>;

/** A checked genesis file in the forms the node works with. */
export interface Genesis {
  readonly chainId: number;
  readonly timestamp: number;
  readonly gasLimit: bigint;
  readonly baseFeePerGas: bigint;
  readonly sequencerKeys: readonly Address[];
  readonly operatorKey: Address;
  readonly provers: readonly Address[];
  readonly threshold: number;
  readonly feeRecipient: Address;
  readonly baseFeeFloorWei: bigint;
  readonly blockIntervalMs: number;
  readonly miniBlockIntervalMs: number;
  readonly maxTransactionGas: bigint;
  readonly maxUnattestedBlocks: number;
  /** Name of the active fork in topics and protocol names. */
  readonly forkId: string;
  /** Every account of `alloc`, as a diff against the empty state. */
  readonly allocation: StateDiff;
  /** keccak256 of the canonical file: sorted keys, no white space. */
  readonly fileDigest: Hash;
}

/**
 * Checks a parsed genesis file.
 * @throws StrobeError INVALID_GENESIS naming each wrong field
 */
export function parseGenesis(file: unknown): Genesis {
  const result = genesisSchema.safeParse(file);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw invalid(problems.join('; '));
  }
  const { strobe, ...genesis } = result.data;
  if (strobe.threshold > strobe.provers.length) throw invalid('strobe.threshold is above the number of provers');
  // Else the pool took a transaction that fits in no block, and everything behind it would wait.
  if (strobe.limits.maxTransactionGas > genesis.gasLimit) throw invalid('strobe.limits.maxTransactionGas is above gasLimit');
  return {
    chainId: genesis.config.chainId,
    timestamp: Number(genesis.timestamp),
    gasLimit: genesis.gasLimit,
    baseFeePerGas: genesis.baseFeePerGas < strobe.baseFeeFloorWei ? strobe.baseFeeFloorWei : genesis.baseFeePerGas,
    sequencerKeys: strobe.sequencerKeys.map((key) => fromHex(key)),
    operatorKey: fromHex(strobe.operatorKey),
    provers: strobe.provers.map((key) => fromHex(key)),
    threshold: strobe.threshold,
    feeRecipient: fromHex(strobe.feeRecipient),
    baseFeeFloorWei: strobe.baseFeeFloorWei,
    blockIntervalMs: strobe.blockIntervalMs,
    miniBlockIntervalMs: strobe.miniBlockIntervalMs,
    maxTransactionGas: strobe.limits.maxTransactionGas,
    maxUnattestedBlocks: strobe.limits.maxUnattestedBlocks,
    forkId: 'prague',
    allocation: toAllocation(genesis.alloc),
    fileDigest: keccak256(fromText(canonicalJson(file))),
  };
}

type Alloc = z.output<typeof genesisSchema>['alloc'];

function toAllocation(alloc: Alloc): StateDiff {
  const codes = new Map<string, Bytes>();
  const accounts = Object.entries(alloc).map(([name, entry]): AccountDiff => {
    const code = entry.code === undefined ? EMPTY_BYTES : fromHex(entry.code);
    const codeHash = code.length === 0 ? EMPTY_CODE_HASH : keccak256(code);
    if (code.length > 0) codes.set(toHex(codeHash), code);
    const account = { nonce: entry.nonce ?? 0n, balance: entry.balance ?? 0n, codeHash };
    if (isEmptyAccount(account)) throw invalid(`alloc.${name}: an empty account (EIP-161)`);
    const slots = Object.entries(entry.storage ?? {}).map(([key, value]) => ({ key: toWord(key), value: toWord(value) }));
    if (slots.some((slot) => Buffer.compare(slot.value, ZERO_HASH) === 0)) throw invalid(`alloc.${name}: a zero slot`);
    if (!distinct(slots.map((slot) => toHex(slot.key)))) throw invalid(`alloc.${name}: a slot is listed twice`);
    const withoutStorage = { address: fromHex(name.startsWith('0x') ? name : `0x${name}`), ...account };
    return slots.length === 0 ? withoutStorage : { ...withoutStorage, slots: sortSlots(slots) };
  });
  if (!distinct(accounts.map((account) => toHex(account.address)))) throw invalid('alloc: an account is listed twice');
  const diff = createStateDiff(accounts, [...codes.values()]);
  assertPredeploy(diff, HISTORY_CONTRACT, 'EIP-2935 history contract');
  assertPredeploy(diff, BEACON_ROOTS_CONTRACT, 'EIP-4788 beacon roots contract');
  return diff;
}

function assertPredeploy(diff: StateDiff, contract: Address, name: string): void {
  const account = diff.accounts.find((candidate) => Buffer.compare(candidate.address, contract) === 0);
  if (account?.codeHash === undefined || Buffer.compare(account.codeHash, EMPTY_CODE_HASH) === 0) {
    throw invalid(`alloc: the ${name} at ${toHex(contract)} is missing`);
  }
}

function toWord(hex: string): Hash {
  const digits = hex.slice(2);
  return padTo32(fromHex(`0x${digits.length % 2 === 0 ? digits : `0${digits}`}`));
}

/** JSON with sorted keys and no white space: one file has one digest however it was formatted. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** Header of block 0 over the state root of the allocation; its hash identifies the chain (PROTOCOL section 1). */
export function genesisHeader(genesis: Genesis, stateRoot: Hash): BlockHeader {
  return {
    parentHash: ZERO_HASH,
    coinbase: genesis.feeRecipient,
    stateRoot,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: new Uint8Array(BLOOM_BYTES),
    number: 0,
    gasLimit: genesis.gasLimit,
    gasUsed: 0n,
    timestamp: genesis.timestamp,
    extraData: genesis.fileDigest,
    prevRandao: ZERO_HASH,
    baseFeePerGas: genesis.baseFeePerGas,
  };
}

/** What every message and topic is bound to. */
export interface ChainIdentity {
  readonly chainId: number;
  readonly genesisHash: Hash;
  readonly forkId: string;
}

export function chainIdentity(genesis: Genesis, stateRoot: Hash): ChainIdentity {
  return { chainId: genesis.chainId, genesisHash: hashHeader(genesisHeader(genesis, stateRoot)), forkId: genesis.forkId };
}

/** Prefix of topics and stream protocols: `/strobe/<8 hex of the genesis hash>/<fork>`. */
export function protocolPrefix(identity: ChainIdentity): string {
  return `/strobe/${toHex(identity.genesisHash).slice(2, 10)}/${identity.forkId}`;
}

function invalid(message: string): StrobeError<'INVALID_GENESIS'> {
  return new StrobeError('INVALID_GENESIS', `genesis: ${message}`);
}
