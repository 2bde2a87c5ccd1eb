import { describe, expect, test } from 'vitest';
import { decodeLogRecord } from '../../../src/protocol/log-record.ts';
import type { LogEntry } from '../../../src/protocol/ports/log.ts';
import { adoptTail } from '../../../src/sequencer/tail-adoption.ts';
import type { MiniBlockHead } from '../../../src/state/chain-trail.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { testSigner } from '../../support/test-accounts.ts';

/** First byte of an attestation behind a seal (attestation-record.ts). */
const ATTESTATION_RECORD = 5;

/** Two blocks, and an open one of two mini-blocks: six mini-blocks. */
function published(): { readonly builder: ChainBuilder; readonly records: Bytes[] } {
  const builder = new ChainBuilder();
  const blocks = [builder.block(2, 1), builder.block(2, 1)];
  const records = blocks.flatMap(({ miniBlocks, record }) => [
    ...miniBlocks.map((miniBlock) => miniBlock.record.bytes),
    record.bytes,
  ]);
  return { builder, records: [...records, builder.miniBlock().record.bytes, builder.miniBlock().record.bytes] };
}

/** Runs the adoption of what `records` serves by a sequencer that knows nothing. */
async function adopt(
  records: readonly Bytes[],
  {
    builder,
    epoch = 1,
    ownEpoch = epoch,
    limit = 100,
    failure,
  }: { builder: ChainBuilder; epoch?: number; ownEpoch?: number; limit?: number; failure?: StrobeError },
): Promise<{ readonly head: MiniBlockHead; readonly appended: LogEntry[]; readonly attestations: Bytes[] }> {
  const appended: LogEntry[] = [];
  const attestations: Bytes[] = [];
  const own = { epoch: ownEpoch, number: 0, digest: builder.genesisHash, timestampUs: 0 };
  let sealed = 0;
  const replay = async (): Promise<MiniBlockHead> => {
    let head: MiniBlockHead = own;
    for (const { bytes } of appended) {
      const record = decodeLogRecord(bytes);
      if (record.kind === 'blockSeal') sealed = record.blockSeal.header.number;
      if (record.kind === 'epochStart') head = { ...head, epoch: record.epochStart.epoch };
      if (record.kind !== 'miniBlock') continue;
      const { epoch: recordEpoch, number, timestampUs } = record.miniBlock.envelope;
      head = { epoch: recordEpoch, number, digest: record.miniBlock.digest, timestampUs };
    }
    return head;
  };
  async function* range(from: number): AsyncGenerator<Bytes> {
    let sent = 0;
    for (const bytes of records) {
      const record = tryDecode(bytes);
      const number = record?.kind === 'miniBlock' ? record.miniBlock.envelope.number : Number.POSITIVE_INFINITY;
      if (number < from) continue;
      if (sent++ === limit) return;
      yield bytes;
    }
    if (failure !== undefined) throw failure;
  }
  const log = { append: async (entries: readonly LogEntry[]) => void appended.push(...entries) };
  const claimed = { epoch: 1, number: 6, digest: builder.genesisHash };
  const head = await adoptTail(own, claimed, builder.sequencer.address, {
    peers: { range },
    log,
    replay,
    epoch,
    sealedBlock: () => sealed,
    takeAttestations: async (messages) => {
      // Their blocks are there by then.
      if (messages.length > 0) expect(sealed).toBe(2);
      attestations.push(...messages);
    },
  });
  return { head, appended, attestations };
}

function tryDecode(bytes: Bytes): ReturnType<typeof decodeLogRecord> | undefined {
  try {
    return decodeLogRecord(bytes);
  } catch {
    return undefined;
  }
}

test('everything that peers can prove is taken over, in order', async () => {
  const { builder, records } = published();
  const { head, appended } = await adopt(records, { builder });
  expect(head.number).toBe(6);
  expect(appended.map(({ bytes }) => bytes)).toEqual(records);
  expect(appended.map(({ number }) => number)).toEqual([1, 2, 2, 3, 4, 4, 5, 6]);
});

test('what provers said of the blocks is handed on once these are applied', async () => {
  const { builder, records } = published();
  const message = Uint8Array.of(1, 2, 3);
  const withAttestation = records.toSpliced(3, 0, Uint8Array.of(ATTESTATION_RECORD, ...message));
  const { appended, attestations } = await adopt(withAttestation, { builder });
  expect(appended.map(({ bytes }) => bytes)).toEqual(records);
  expect(attestations).toEqual([message]);
});

test('a peer that sends little at once is asked again', async () => {
  const { builder, records } = published();
  const { head, appended } = await adopt(records, { builder, limit: 4 });
  expect(head.number).toBe(6);
  expect(appended.map(({ bytes }) => bytes)).toEqual(records);
});

describe('what a peer cannot prove holds nobody up', () => {
  test('malformed records, foreign signatures, gaps and lost peers end the adoption where the proof ends', async () => {
    const { builder, records } = published();
    const foreign = new ChainBuilder();
    Object.assign(foreign, { sequencer: testSigner('somebody else') });
    foreign.block(2, 1);
    const forged = foreign.miniBlock().record.bytes;
    for (const broken of [Uint8Array.of(1, 2, 3), new Uint8Array(0), forged]) {
      expect((await adopt([...records.slice(0, 2), broken, ...records.slice(2)], { builder })).head.number).toBe(2);
    }
    expect((await adopt(records.toSpliced(1, 1), { builder })).head.number).toBe(1);
    const failure = new StrobeError('NO_PEER_HAS_RANGE', 'nobody has it');
    expect((await adopt(records.slice(0, 2), { builder, failure })).head.number).toBe(2);
    expect((await adopt([], { builder, failure })).appended).toEqual([]);
  });

  test('but a bug of ours passes', async () => {
    const { builder } = published();
    await expect(adopt([], { builder, failure: new TypeError('a bug') as never })).rejects.toThrow('a bug');
  });
});

test('a signed epoch that the log does not know refuses the start', async () => {
  const { builder, records } = published();
  const { record } = builder.startEpoch();
  await expect(adopt([...records, record.bytes], { builder })).rejects.toMatchObject({
    code: 'HIGHER_EPOCH_SEEN',
    meta: { peerEpoch: 2, ownEpoch: 1 },
  });
});

test('mini-blocks that the newest epoch of the log gave up are not taken over', async () => {
  const { builder, records } = published();
  const { appended } = await adopt(records, { builder, epoch: 2 });
  expect(appended).toEqual([]);
});

test('the start of an epoch is taken over where the log lost it, and only there', async () => {
  const builder = new ChainBuilder();
  const before = builder.miniBlock().record.bytes;
  const start = builder.startEpoch().record.bytes;
  const behind = builder.miniBlock().record.bytes;
  const lost = await adopt([before, start, behind], { builder, epoch: 2, ownEpoch: 1 });
  expect(lost.appended.map(({ bytes }) => bytes)).toEqual([before, start, behind]);
  const other = new ChainBuilder();
  const known = [other.startEpoch().record.bytes, other.miniBlock().record.bytes];
  const { appended } = await adopt(known, { builder: other, epoch: 2 });
  expect(appended.map(({ bytes }) => bytes)).toEqual(known.slice(1));
});

test('so does one that gave up the end of the log and did not come as far since', async () => {
  const { builder } = published();
  const own = { epoch: 1, ...builder.tip, timestampUs: 0 };
  const other = new ChainBuilder();
  const kept = other.block(2, 1);
  const { record } = other.startEpoch();
  const records = [...kept.miniBlocks.map((miniBlock) => miniBlock.record), kept.record, record, other.miniBlock().record];
  for (const claimed of [
    { epoch: 2, ...other.tip },
    { epoch: 2, number: 2, digest: record.bytes },
  ]) {
    const modules = {
      peers: {
        range: async function* (from: number) {
          yield* records.filter(({ number }) => number >= from).map(({ bytes }) => bytes);
        },
      },
      ...{ log: { append: async () => {} }, replay: async () => own, epoch: 1, sealedBlock: () => 2 },
    };
    await expect(adoptTail(own, claimed, builder.sequencer.address, modules)).rejects.toMatchObject({
      code: 'HIGHER_EPOCH_SEEN',
      meta: { peerEpoch: 2, ownEpoch: 1 },
    });
    // Who only claims it holds nobody up.
    modules.peers.range = async function* () {};
    expect(await adoptTail(own, claimed, builder.sequencer.address, modules)).toEqual(own);
  }
});
