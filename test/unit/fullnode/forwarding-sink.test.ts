import { expect, test } from 'vitest';
import { ForwardingSink } from '../../../src/fullnode/forwarding-sink.ts';
import type { SequencerLink } from '../../../src/protocol/ports/network.ts';
import type { PooledBytes } from '../../../src/protocol/ports/pool.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';
import { signTransfer } from '../../support/rpc-harness.ts';

test('new transactions of the sequencer get their hash here, and what is none is left out', async () => {
  const listeners = new Set<(pooled: PooledBytes) => void>();
  const link: Pick<SequencerLink, 'subscribePending'> = {
    subscribePending: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const seen: string[] = [];
  const sink = new ForwardingSink({ link: link as SequencerLink });
  const end = sink.subscribePending(({ hash }, sender) => seen.push(`${toHex(hash)} of ${sender[0]}`));
  const tell = (raw: Uint8Array): void => defined([...listeners][0])({ raw, sender: new Uint8Array(20).fill(5) });
  const raws = (await Promise.all([0, 1].map((nonce) => signTransfer({ nonce })))).map((raw) => fromHex(raw));
  tell(defined(raws[0]));
  tell(Uint8Array.of(2, 0xc0));
  tell(defined(raws[1]).subarray(0, -1));
  tell(defined(raws[1]));
  expect(seen).toEqual(raws.map((raw) => `${toHex(keccak256(raw))} of 5`));
  end();
  expect(listeners.size).toBe(0);
});
