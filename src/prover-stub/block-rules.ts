import { type BlockHeader, nextBaseFee, prevRandaoOf } from '../protocol/block-header.ts';
import { type Bytes, bytesEqual, toHex } from '../util/bytes.ts';
import type { ChainRules, DecodedJob } from './block-job.ts';

/** What re-execution computed of a header. */
export type ComputedHeader = Pick<BlockHeader, 'stateRoot' | 'transactionsRoot' | 'receiptsRoot' | 'logsBloom' | 'gasUsed'>;

/** Violations of the rules that need no execution: header, environment and chain of mini-blocks. Empty: none. */
export function checkBlockRules(job: DecodedJob, rules: ChainRules): string[] {
  return [...checkHeader(job, rules), ...checkPosition(job, rules), ...checkEnvironment(job), ...checkMiniBlocks(job)];
}

function checkHeader({ seal: { header }, parent }: DecodedJob, rules: ChainRules): string[] {
  const differences = new Differences('header');
  differences.add('number', header.number, parent.number + 1);
  if (header.timestamp <= parent.timestamp) differences.note('timestamp is not after the parent’s');
  differences.add('gasLimit', header.gasLimit, rules.gasLimit);
  differences.add('coinbase', header.coinbase, rules.feeRecipient);
  differences.add('prevRandao', header.prevRandao, prevRandaoOf(header.parentHash, header.number));
  differences.add('baseFeePerGas', header.baseFeePerGas, nextBaseFee(parent, rules.baseFeeFloorWei));
  differences.add('extraData', header.extraData, new Uint8Array(0));
  if (parent.number === 0) differences.add('parentHash', header.parentHash, rules.genesisHash);
  return differences.reasons;
}

/** The first block continues the genesis block, a later one the block before it, where that was attested here. */
function checkPosition({ seal, miniBlocks, parent, previous }: DecodedJob, rules: ChainRules): string[] {
  const differences = new Differences('seal');
  const isFirst = parent.number === 0;
  const before = isFirst ? { blockHash: rules.genesisHash, lastNumber: 0, lastDigest: rules.genesisHash } : previous;
  if (before === undefined) return [];
  differences.add('parentHash', seal.header.parentHash, before.blockHash);
  differences.add('firstNumber', seal.firstNumber, before.lastNumber + 1);
  const first = miniBlocks[0];
  if (first !== undefined) differences.add('parentDigest', first.envelope.parentDigest, before.lastDigest);
  return differences.reasons;
}

function checkEnvironment({ seal: { header }, miniBlocks }: DecodedJob): string[] {
  const env = miniBlocks[0]?.envelope.env;
  if (env === undefined) return ['the first mini-block has no environment'];
  const differences = new Differences('environment');
  differences.add('number', env.number, header.number);
  differences.add('parentHash', env.parentHash, header.parentHash);
  differences.add('timestamp', env.timestamp, header.timestamp);
  differences.add('baseFeePerGas', env.baseFeePerGas, header.baseFeePerGas);
  differences.add('gasLimit', env.gasLimit, header.gasLimit);
  differences.add('coinbase', env.coinbase, header.coinbase);
  differences.add('prevRandao', env.prevRandao, header.prevRandao);
  return differences.reasons;
}

function checkMiniBlocks({ seal, miniBlocks }: DecodedJob): string[] {
  const reasons: string[] = [];
  let timestampUs = -1;
  let epoch = 0;
  for (const [position, { envelope }] of miniBlocks.entries()) {
    const differences = new Differences(`mini-block ${seal.firstNumber + position}`);
    differences.add('number', envelope.number, seal.firstNumber + position);
    differences.add('blockNumber', envelope.blockNumber, seal.header.number);
    differences.add('index', envelope.index, position);
    if (envelope.timestampUs <= timestampUs) differences.note('timestampUs does not increase');
    if (envelope.epoch < epoch) differences.note('the epoch goes back');
    timestampUs = envelope.timestampUs;
    epoch = envelope.epoch;
    reasons.push(...differences.reasons);
  }
  if (seal.epoch < epoch) reasons.push('seal: its epoch is before its last mini-block’s');
  return reasons;
}

/** Differences between the sealed header and what execution gave. */
export function checkComputedHeader(header: BlockHeader, computed: ComputedHeader): string[] {
  const differences = new Differences('header');
  differences.add('stateRoot', header.stateRoot, computed.stateRoot);
  differences.add('transactionsRoot', header.transactionsRoot, computed.transactionsRoot);
  differences.add('receiptsRoot', header.receiptsRoot, computed.receiptsRoot);
  if (!bytesEqual(header.logsBloom, computed.logsBloom)) differences.note('logsBloom differs');
  differences.add('gasUsed', header.gasUsed, computed.gasUsed);
  return differences.reasons;
}

type Value = Bytes | number | bigint;

/** Collects what is claimed and not so. */
class Differences {
  readonly reasons: string[] = [];
  readonly #subject: string;

  constructor(subject: string) {
    this.#subject = subject;
  }

  add(field: string, claimed: Value, expected: Value): void {
    const [a, b] = [show(claimed), show(expected)];
    if (a !== b) this.note(`${field} is ${a}, not ${b}`);
  }

  note(problem: string): void {
    this.reasons.push(`${this.#subject}: ${problem}`);
  }
}

/** A field longer than this (only extraData can be) is cut in a reason. */
const MAX_SHOWN_BYTES = 32;

function show(value: Value): string {
  if (!(value instanceof Uint8Array)) return String(value);
  const cut = value.length > MAX_SHOWN_BYTES;
  return toHex(cut ? value.subarray(0, MAX_SHOWN_BYTES) : value) + (cut ? `… (${value.length} bytes)` : '');
}
