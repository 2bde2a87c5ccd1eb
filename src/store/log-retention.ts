/** What the log must still hold for this node itself, in mini-block numbers. */
export interface LogNeeds {
  /** Newest mini-block of the newest whole state snapshot, from which a restart replays; undefined: there is none. */
  readonly snapshot: number | undefined;
  /** First mini-block of the oldest block that may still be proven, attested or undone. */
  readonly firstUnattested: number;
  /** First mini-block that the data availability layer does not have; undefined when nothing is posted from here. */
  readonly firstUnposted: number | undefined;
}

/** A segment as the log lists it. */
export interface RetainedSegment {
  readonly firstNumber: number;
  /** Its length, bytes. */
  readonly end: number;
}

/**
 * The mini-block number to prune below (see SegmentLog.prune): nothing that this node needs, and of the rest the newest
 * `retainBytes` stay for peers that come late. Readers begin at the mini-block in front of what they need, for the seal
 * and epoch starts behind it, so that one stays too.
 */
export function pruneBelow(needs: LogNeeds, segments: readonly RetainedSegment[], retainBytes: number): number {
  const { snapshot = 0, firstUnattested, firstUnposted = Number.POSITIVE_INFINITY } = needs;
  const needed = Math.max(0, Math.min(snapshot, firstUnattested - 1, firstUnposted - 1));
  return Math.min(needed, firstRetained(segments, retainBytes));
}

/** First number of the newest segments that together have `retainBytes`; 0 when all of them do not. */
function firstRetained(segments: readonly RetainedSegment[], retainBytes: number): number {
  let bytes = 0;
  for (const { firstNumber, end } of segments.toReversed()) {
    bytes += end;
    if (bytes >= retainBytes) return firstNumber;
  }
  return 0;
}
