/** The blocks that one prover of a pool takes: those whose number leaves `index` when divided by `of`. */
export interface ProverShare {
  readonly index: number;
  readonly of: number;
}

export const ALL_BLOCKS: ProverShare = { index: 0, of: 1 };

/** Most parts that a chain's blocks are cut into: a pool has as many provers as the threshold for each of them. */
export const MAX_SHARES = 16;

/** Reads `all`, or `index/of` such as `0/2`; undefined when it is neither. */
export function parseShare(text: string): ProverShare | undefined {
  if (text === 'all') return ALL_BLOCKS;
  const [, index, of] = /^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? [];
  const share = { index: Number(index), of: Number(of) };
  return share.index < share.of && share.of <= MAX_SHARES ? share : undefined;
}

/** Whether a prover with this share proves the block. */
export function takesBlock({ index, of }: ProverShare, blockNumber: number): boolean {
  return blockNumber % of === index;
}

/**
 * The first block that fewer than `threshold` of these provers take, so that it could never become safe; undefined when
 * there is none. Shares repeat, so looking at one period finds every such block.
 */
export function firstUncovered(shares: readonly ProverShare[], threshold: number): number | undefined {
  const period = shares.reduce((product, { of }) => leastCommonMultiple(product, of), 1);
  for (let blockNumber = 1; blockNumber <= period; blockNumber++) {
    if (shares.filter((share) => takesBlock(share, blockNumber)).length < threshold) return blockNumber;
  }
  return undefined;
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return (a / x) * b;
}

/** False when whoever runs the other provers cannot make up for the blocks outside of this share: they need `threshold`. */
export function isSharePossible({ of }: ProverShare, genesis: { provers: readonly unknown[]; threshold: number }): boolean {
  return of === 1 || genesis.provers.length > genesis.threshold;
}
