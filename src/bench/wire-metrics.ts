const PUBLISHED_BYTES = /^strobe_gossip_published_bytes_total\{([^}]*)\}\s+([0-9.eE+]+)/;
const TOPIC_LABEL = /(?:^|,)\s*topic="((?:[^"\\]|\\.)*)"/;

/** Bytes published so far, by gossip topic. */
export type PublishedBytes = ReadonlyMap<string, number>;

export type WireReport = {
  /** Published to gossip during the load, all topics together. */
  bytes: number;
  bytesPerTransaction: number | null;
  byTopic: Record<string, number>;
};

/** Reads the counters from Prometheus text; empty when the page has none of them. */
export function parsePublishedBytes(page: string): PublishedBytes {
  const bytes = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, labels, value] = PUBLISHED_BYTES.exec(line) ?? [];
    if (labels === undefined || value === undefined) continue;
    const topic = TOPIC_LABEL.exec(labels)?.[1] ?? 'unknown';
    bytes.set(topic, (bytes.get(topic) ?? 0) + Number(value));
  }
  return bytes;
}

/** What was published between two readings; null when the node has no such counters. */
export function wireReport(before: PublishedBytes, after: PublishedBytes, included: number): WireReport | null {
  if (after.size === 0) return null;
  const byTopic: Record<string, number> = {};
  let bytes = 0;
  for (const [topic, total] of after) {
    const published = total - (before.get(topic) ?? 0);
    byTopic[topic] = published;
    bytes += published;
  }
  return { bytes, bytesPerTransaction: included === 0 ? null : bytes / included, byTopic };
}
