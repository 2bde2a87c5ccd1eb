import { expect, test } from 'vitest';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { type Heartbeat, heartbeatDigest, withSignature } from '../../../src/protocol/sequencer-messages.ts';
import { judgeForeignGossip } from '../../../src/sequencer/foreign-gossip.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { testSigner } from '../../support/test-accounts.ts';

const self = testSigner('sequencer');
const successor = testSigner('successor');
const identity = { chainId: 1, genesisHash: new Uint8Array(32).fill(3), forkId: 'prague' };
const options = { identity, sequencerKeys: [self.address, successor.address], self: self.address, sinceUs: 1_000 };
const judge = (message: Bytes) => judgeForeignGossip(message, options);

function beat(changes: Partial<Heartbeat> = {}, signer = self): Bytes {
  const base = { genesisHash: identity.genesisHash, epoch: 1, number: 5, digest: new Uint8Array(32), timestampUs: 1_001 };
  const unsigned = { ...base, ...changes };
  return encodeSequencerMessage({ kind: 'heartbeat', heartbeat: withSignature(unsigned, heartbeatDigest(unsigned), signer) });
}

const NOT_FOLLOWED = { kind: 'ignore', code: 'SEQUENCER_DOES_NOT_FOLLOW' };

test('a heartbeat that our key signed after we started is that of a rival', () => {
  expect(judge(beat())).toEqual({ verdict: NOT_FOLLOWED, isRival: true });
});

test('one of an older time, and one of another allowed key, are nobody that matters', () => {
  expect(judge(beat({ timestampUs: 1_000 }))).toEqual({ verdict: NOT_FOLLOWED, isRival: false });
  expect(judge(beat({}, successor))).toEqual({ verdict: NOT_FOLLOWED, isRival: false });
});

test.each([
  ['a stranger signed', beat({}, testSigner('somebody else')), 'UNKNOWN_SIGNER'],
  ['is of another chain', beat({ genesisHash: new Uint8Array(32) }), 'WRONG_CHAIN'],
  ['is a mini-block of another chain', new ChainBuilder().miniBlock().record.bytes, 'WRONG_CHAIN'],
  ['is malformed', Uint8Array.of(4, 1, 2, 3), 'INVALID_RLP'],
  ['is empty', new Uint8Array(0), 'UNKNOWN_MESSAGE'],
])('what %s counts against its sender', (_, message, code) => {
  expect(judge(message)).toEqual({ verdict: { kind: 'reject', code }, isRival: false });
});
