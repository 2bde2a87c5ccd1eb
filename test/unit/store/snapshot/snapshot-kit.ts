import { readFileSync } from 'node:fs';
import { type BlockHeader, hashHeader } from '../../../../src/protocol/block-header.ts';
import { MINI_BLOCK_VERSION, type MiniBlock, signMiniBlock } from '../../../../src/protocol/mini-block.ts';
import type { RegistryMark } from '../../../../src/protocol/ports/state.ts';
import type { SnapshotLoader, StateSnapshot } from '../../../../src/protocol/ports/state-snapshot.ts';
import { EMPTY_TRIE_ROOT, type Hash, ZERO_ADDRESS, ZERO_HASH } from '../../../../src/protocol/primitives.ts';
import type { SnapshotPoint } from '../../../../src/store/snapshot/snapshot-types.ts';
import { EMPTY_BYTES } from '../../../../src/util/bytes.ts';
import { keccak256 } from '../../../../src/util/keccak.ts';
import { SIGNATURE_BYTES } from '../../../../src/util/signature.ts';
import { testSigner } from '../../../support/test-accounts.ts';

const word = (fill: number): Hash => new Uint8Array(32).fill(fill);
export const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);

const MINI_BLOCKS_PER_BLOCK = 100;
const CHAIN_ID = 1337;
const EPOCH = 2;
const TIMESTAMP_US = 1_750_000_000_123_456;

/** Headers of a made-up chain, block 0 first; `name` makes another chain. */
function headersOf(count: number, name = 0): BlockHeader[] {
  const headers: BlockHeader[] = [];
  for (let number = 0; number < count; number++) {
    const parent = headers.at(-1);
    headers.push({
      parentHash: parent === undefined ? ZERO_HASH : hashHeader(parent),
      coinbase: ZERO_ADDRESS,
      stateRoot: word(number % 251),
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: new Uint8Array(256),
      number,
      gasLimit: 30_000_000n,
      gasUsed: 21_000n,
      timestamp: 1_750_000_000 + number,
      extraData: Uint8Array.of(1, name),
      prevRandao: ZERO_HASH,
      baseFeePerGas: 7n,
    });
  }
  return headers;
}

export const MARK: RegistryMark = { accounts: 3, slots: 5, digest: word(9) };

/** The last mini-block of block `blockNumber`, empty. */
function lastOf(blockNumber: number, genesisHash: Hash): MiniBlock {
  const unsigned = {
    ...{ version: MINI_BLOCK_VERSION, genesisHash, chainId: CHAIN_ID, epoch: EPOCH, timestampUs: TIMESTAMP_US, env: undefined },
    ...{ number: blockNumber * MINI_BLOCKS_PER_BLOCK, parentDigest: word(3), blockNumber, index: MINI_BLOCKS_PER_BLOCK - 1 },
    ...{ transactionsDigest: word(4), receiptsDigest: word(5), stateDiffDigest: word(6) },
    ...{ diffPayloadDigest: keccak256(EMPTY_BYTES), bodyPayloadDigest: keccak256(EMPTY_BYTES) },
  };
  return { ...signMiniBlock(unsigned, testSigner('sequencer')), diffPayload: EMPTY_BYTES, bodyPayload: EMPTY_BYTES };
}

/** Block `number` of the made-up chain `name`, as a node would describe it. */
export function pointAt(number: number, name = 0): SnapshotPoint {
  const all = headersOf(number + 1, name);
  const header = all[number] as BlockHeader;
  const genesisHash = hashHeader(all[0] as BlockHeader);
  const lastNumber = number * MINI_BLOCKS_PER_BLOCK;
  const last = number === 0 ? undefined : lastOf(number, genesisHash);
  const digest = last?.digest ?? genesisHash;
  const signature = new Uint8Array(SIGNATURE_BYTES).fill(2);
  const seal = {
    ...{ genesisHash, epoch: EPOCH, header, firstNumber: lastNumber - MINI_BLOCKS_PER_BLOCK + 1, lastNumber, lastDigest: digest },
    ...{ stateDiffDigest: word(1), registryDigest: MARK.digest, witnessDigest: word(2), witnessBytes: 10, signature },
  };
  const epoch = (at: number) => ({
    genesisHash,
    epoch: at,
    lastNumber: 0,
    lastDigest: genesisHash,
    sequencerKey: ZERO_ADDRESS,
    signature,
  });
  return {
    genesisHash,
    chainId: CHAIN_ID,
    head: {
      epoch: last === undefined ? 0 : EPOCH,
      number: lastNumber,
      digest,
      timestampUs: last === undefined ? 0 : TIMESTAMP_US,
    },
    last,
    seal: number === 0 ? undefined : seal,
    headers: all.slice(-300),
    epochStarts: number === 0 ? [] : [epoch(1), epoch(2)],
  };
}

/** State that is nothing but chunks. */
export function stateOf(point: SnapshotPoint, chunks: Iterable<Uint8Array>): StateSnapshot {
  return { number: point.head.number, mark: MARK, chunks: () => chunks };
}

/** Keeps what it is given. */
export class CollectingLoader implements SnapshotLoader {
  readonly chunks: Uint8Array[] = [];
  finished: { number: number; mark: RegistryMark } | undefined;

  add(chunk: Uint8Array): void {
    this.chunks.push(chunk);
  }

  finish(number: number, mark: RegistryMark): void {
    this.finished = { number, mark };
  }
}

/** The bytes of a file with one bit of the byte at `at` turned over; negative counts from the end. */
export function withFlippedBit(path: string, at: number): Uint8Array {
  const content = readFileSync(path);
  const index = at < 0 ? content.length + at : at;
  content[index] = (content[index] as number) ^ 0x10;
  return content;
}
