import { describe, expect, it } from 'vitest';
import { SnapshotSchedule } from '../../../../src/store/snapshot/snapshot-schedule.ts';

const policy = { logBytes: 1_000, blocks: 10 };
const NO_LIMIT = Number.POSITIVE_INFINITY;

describe('SnapshotSchedule', () => {
  it('is due by bytes or by blocks, whichever comes first', () => {
    const schedule = new SnapshotSchedule(policy, { block: 5, logBytes: 0 });
    expect(schedule.due(9, NO_LIMIT, 0)).toBeUndefined();
    expect(schedule.due(11, NO_LIMIT, 0)).toBe(10);
    const byBytes = new SnapshotSchedule({ ...policy, blocks: 100 }, { block: 5, logBytes: 0 });
    byBytes.noteLogged(999);
    expect(byBytes.due(17, NO_LIMIT, 0)).toBeUndefined();
    byBytes.noteLogged(1);
    expect(byBytes.due(15, NO_LIMIT, 0)).toBeUndefined();
    expect(byBytes.due(17, NO_LIMIT, 0)).toBe(16);
  });

  it('comes to the same blocks on nodes that were away at different times', () => {
    const steady = new SnapshotSchedule({ ...policy, blocks: 64 }, { block: 0, logBytes: 0 });
    const away = new SnapshotSchedule({ ...policy, blocks: 64 }, { block: 0, logBytes: 0 });
    const take = (schedule: SnapshotSchedule, at: number): number | undefined => {
      const block = schedule.due(at, NO_LIMIT, 0);
      if (block !== undefined) schedule.begin(block);
      schedule.succeed();
      return block;
    };
    expect(take(steady, 64)).toBe(64);
    expect(take(away, 90)).toBe(80);
    expect([steady, away].map((schedule) => take(schedule, 127))).toEqual([undefined, undefined]);
    expect([steady, away].map((schedule) => take(schedule, 128))).toEqual([128, 128]);
  });

  it('counts what was logged before a restart', () => {
    expect(new SnapshotSchedule(policy, { block: 5, logBytes: 1_000 }).due(10, NO_LIMIT, 0)).toBe(10);
  });

  it('goes no higher than the limit, and not below the newest snapshot', () => {
    const schedule = new SnapshotSchedule(policy, { block: 5, logBytes: 5_000 });
    expect(schedule.due(100, 27, 0)).toBe(20);
    expect(schedule.due(100, 9, 0)).toBeUndefined();
    expect(schedule.due(3, NO_LIMIT, 0)).toBeUndefined();
  });

  it('has one written at a time and counts anew from its beginning', () => {
    const schedule = new SnapshotSchedule({ ...policy, blocks: 100 }, { block: 0, logBytes: 1_200 });
    schedule.begin(16);
    schedule.noteLogged(999);
    expect(schedule.due(48, NO_LIMIT, 0)).toBeUndefined();
    schedule.succeed();
    expect(schedule.due(48, NO_LIMIT, 0)).toBeUndefined();
    schedule.noteLogged(1);
    expect(schedule.due(48, NO_LIMIT, 0)).toBe(48);
    expect(schedule.due(17, NO_LIMIT, 0)).toBeUndefined();
  });

  it('waits longer behind each failure, up to a bound, and forgets them with a success', () => {
    const schedule = new SnapshotSchedule({ ...policy, blocks: 1 }, { block: 0, logBytes: 1_000 });
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 9; i++) {
      schedule.begin(1);
      const wait = schedule.fail(now);
      expect(schedule.due(1, NO_LIMIT, now + wait - 1)).toBeUndefined();
      now += wait;
      expect(schedule.due(1, NO_LIMIT, now)).toBe(1);
      waits.push(wait / 1_000);
    }
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600]);
    schedule.begin(1);
    schedule.succeed();
    schedule.begin(2);
    expect(schedule.fail(now)).toBe(10_000);
  });
});
