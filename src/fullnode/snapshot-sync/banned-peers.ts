/** Peers remembered; the oldest goes first. Peer ids are free, and a connection is not. */
const MAX_BANNED = 1_024;

/** Peers that gave something false while a snapshot was taken: this process takes no snapshot from them any more. */
export class BannedPeers {
  readonly #peers = new Set<string>();

  add(peer: string): void {
    this.#peers.add(peer);
    for (const oldest of this.#peers) {
      if (this.#peers.size <= MAX_BANNED) return;
      this.#peers.delete(oldest);
    }
  }

  has(peer: string): boolean {
    return this.#peers.has(peer);
  }
}
