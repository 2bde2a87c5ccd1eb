/** Outcome of checking a gossip message: accept and pass on, drop silently, or drop and lower the peer's score. */
export type Verdict = { readonly kind: 'accept' } | { readonly kind: 'ignore' | 'reject'; readonly code: string };

export const ACCEPT: Verdict = { kind: 'accept' };
export const ignore = (code: string): Verdict => ({ kind: 'ignore', code });
export const reject = (code: string): Verdict => ({ kind: 'reject', code });
