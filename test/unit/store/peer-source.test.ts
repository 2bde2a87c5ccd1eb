import { expect, test } from 'vitest';
import type { Attestation } from '../../../src/protocol/attestation.ts';
import { encodeAttestationRecord } from '../../../src/protocol/attestation-record.ts';
import { decodeLogRecord, recordNumber } from '../../../src/protocol/log-record.ts';
import { createChainPeerSource } from '../../../src/store/peer-source.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { MemoryLog } from '../../support/replica-harness.ts';

const chain = new ReplicaFixture();
chain.block(2);
chain.block(3);
const attestations = new Map<number, Attestation[]>(
  chain.blocks.map((block, i) => [i + 1, [0, 1].map((prover) => chain.attestation(block, prover))]),
);
const log = new MemoryLog();
await log.append(chain.records.map((bytes) => ({ number: recordNumber(decodeLogRecord(bytes)), bytes })));
const head = { epoch: 2, ...chain.builder.tip };
const witness = Uint8Array.of(1);
const source = createChainPeerSource({
  head: () => head,
  log,
  chain: { attestations: async (blockNumber) => attestations.get(blockNumber) ?? [] },
  witnesses: { read: async (blockNumber) => (blockNumber === 1 ? witness : undefined) },
});

async function range(from: number, limit: number): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  for await (const record of source.range(from, limit)) records.push(record);
  return records;
}

test('a range is the log with the attestations of each block behind its seal', async () => {
  const expected = chain.records.flatMap((bytes) => {
    const block = chain.blocks.findIndex((candidate) => candidate.bytes === bytes);
    return [bytes, ...(attestations.get(block + 1) ?? []).map(encodeAttestationRecord)];
  });
  expect(await range(0, 100)).toEqual(expected);
});

test('the limit counts mini-blocks, and the records behind the last one belong to it', async () => {
  const [start, one, two, seal] = chain.records;
  expect(await range(0, 1)).toEqual([start, one]);
  expect(await range(2, 1)).toEqual([two, seal, ...(attestations.get(1) ?? []).map(encodeAttestationRecord)]);
});

test('a range above the head is empty', async () => {
  expect(await range(6, 10)).toEqual([]);
  expect(source.head()).toEqual(head);
});

test('witnesses come from their store', async () => {
  expect(await source.witness(1)).toBe(witness);
  expect(await source.witness(2)).toBeUndefined();
});
