import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextBaseFee, prevRandaoOf } from '../../../src/protocol/block-header.ts';
import { openEnvironment } from '../../../src/sequencer/block-environment.ts';
import { Timetable } from '../../../src/sequencer/timetable.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { runs } from '../../support/property-runs.ts';

describe('a timetable', () => {
  test('begins the first mini-block at once and the next one an interval later', () => {
    const timetable = new Timetable({ miniBlockIntervalMs: 10, blockIntervalMs: 1000 });
    expect(timetable.nextBeginMs()).toBeLessThan(0);
    expect(timetable.begin(5_000)).toEqual({ executeUntilMs: 5_007 });
    expect(timetable.nextBeginMs()).toBe(5_010);
    // A late begin is not made up for by a burst.
    timetable.begin(5_100);
    expect(timetable.nextBeginMs()).toBe(5_110);
  });

  test('ends a block at the next multiple of the interval, an interval later when its time is ahead', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_000, max: 60_000 }),
        fc.double({ min: 0, max: 2e12, noNaN: true }),
        (blockIntervalMs, nowMs) => {
          const timetable = new Timetable({ miniBlockIntervalMs: 10, blockIntervalMs });
          const end = timetable.blockEndMs(nowMs, Math.floor(nowMs / 1000));
          expect(end % blockIntervalMs).toBe(0);
          expect(end).toBeGreaterThan(nowMs);
          expect(end - nowMs).toBeLessThanOrEqual(blockIntervalMs);
          // The first time that the clock does not show before that, in seconds.
          const ahead = Math.ceil(end / 1000);
          expect(timetable.blockEndMs(nowMs, ahead)).toBe(end + blockIntervalMs);
          expect(timetable.blockEndMs(nowMs, ahead - 1)).toBe(end);
        },
      ),
      runs(200),
    );
  });
});

describe('the environment of a block', () => {
  const { genesis, genesisHeader, genesisHash } = new ChainBuilder();
  const parent = { header: genesisHeader, hash: genesisHash };

  test('follows from its parent and the clock', () => {
    const nowMs = (genesisHeader.timestamp + 100) * 1000 + 999;
    expect(openEnvironment(parent, genesis, nowMs)).toEqual({
      number: 1,
      parentHash: genesisHash,
      timestamp: genesisHeader.timestamp + 100,
      baseFeePerGas: nextBaseFee(genesisHeader, genesis.baseFeeFloorWei),
      gasLimit: genesis.gasLimit,
      coinbase: genesis.feeRecipient,
      prevRandao: prevRandaoOf(genesisHash, 1),
    });
  });

  test('has a time after its parent whatever the clock says', () => {
    for (const nowMs of [0, genesisHeader.timestamp * 1000]) {
      expect(openEnvironment(parent, genesis, nowMs).timestamp).toBe(genesisHeader.timestamp + 1);
    }
  });
});
