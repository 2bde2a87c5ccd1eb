import { expect, test } from 'vitest';
import { decodeLogRecord } from '../../../src/protocol/log-record.ts';
import type { LogEntry } from '../../../src/protocol/ports/log.ts';
import { epochStartDigest } from '../../../src/protocol/sequencer-messages.ts';
import { type EpochSituation, needsNewEpoch, openEpoch } from '../../../src/sequencer/epoch-opener.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { testSigner } from '../../support/test-accounts.ts';

const clean: EpochSituation = { loggedEpoch: 1, isCut: false, uncleanStop: false, durability: 'sync' };

test.each<[string, Partial<EpochSituation>, boolean]>([
  ['a clean stop', {}, false],
  ['an empty log', { loggedEpoch: 0 }, true],
  ['a cut log tail', { isCut: true }, true],
  ['an unclean stop with every record synced', { uncleanStop: true }, false],
  ['an unclean stop without', { uncleanStop: true, durability: 'os' }, true],
  ['a clean stop without', { durability: 'os' }, false],
])('after %s a new epoch is needed or not', (_, situation, expected) => {
  expect(needsNewEpoch({ ...clean, ...situation })).toBe(expected);
});

const head = { epoch: 2, number: 9, digest: new Uint8Array(32).fill(4), timestampUs: 5 };
const identity = { chainId: 1, genesisHash: new Uint8Array(32).fill(3), forkId: 'prague' };
const signer = testSigner('sequencer');

test('an epoch start is signed and durable behind the head before anybody gets it', async () => {
  const entries: LogEntry[] = [];
  const log = { append: async (added: readonly LogEntry[]) => void entries.push(...added) };
  const { epochStart, message } = await openEpoch(3, head, { identity, signer, log: log as never });
  expect(entries).toEqual([{ number: 9, bytes: message }]);
  expect(decodeLogRecord(message)).toEqual({ kind: 'epochStart', epochStart });
  expect(epochStart).toMatchObject({
    genesisHash: identity.genesisHash,
    epoch: 3,
    lastNumber: 9,
    lastDigest: head.digest,
    sequencerKey: signer.address,
  });
  expect(recoverAddress(epochStartDigest(epochStart), epochStart.signature)).toEqual(signer.address);
});

test('an epoch start that is not durable is given to nobody', async () => {
  const log = { append: () => Promise.reject(new StrobeError('LOG_FAILED', 'the disk is full')) };
  await expect(openEpoch(3, head, { identity, signer, log: log as never })).rejects.toMatchObject({ code: 'LOG_FAILED' });
});
