import { SeededRandom } from '../../src/bench/seeded-random.ts';
import type { StateDiff } from '../../src/protocol/state-diff.ts';
import { bigIntToBytes32 } from '../../src/util/bytes.ts';
import { SyntheticChanges } from './synthetic-changes.ts';

/** What a transaction of the load does. */
export type LoadKind = 'erc20' | 'transfer' | 'swap';

export interface SyntheticLoadOptions {
  readonly kind: LoadKind;
  /** Accounts that send and receive. */
  readonly holders: number;
  /** Per mini-block. */
  readonly transactions: number;
  /** How holders are chosen: all alike, or the n-th most active with probability 1/n. */
  readonly choice: 'uniform' | 'zipf';
  readonly seed: number;
  /** Share of amounts that are round in decimal: 1 to 5 digits; the others use all of 18 decimals. Default 0.7. */
  readonly roundShare?: number;
}

/** Pairs that swaps go through; holders are spread over them so that the n-th has 1/n of the first one's. */
const PAIRS = 1_000;
/** Accounts and slots that one diff of the set-up adds, about. */
const SETUP_CHUNK = 20_000;
/** Mini-blocks of 10 ms in a block: the base fee is the same for so long. */
const MINI_BLOCKS_PER_BLOCK = 100;
const GWEI = 1_000_000_000n;
const ETHER = 10n ** 18n;
/** Plain transfers are of up to a hundredth of this. */
const TRANSFER_SCALE = 200n * ETHER;
/** Fees of the most active holder for a day at 100,000 transactions a second. */
const FUNDS = 1_000_000n * ETHER;
/** Priority fees that wallets offer. */
const TIPS = [GWEI, (3n * GWEI) / 2n, 2n * GWEI, GWEI / 10n] as const;
/** Slot of the reserves in a Uniswap V2 pair. */
const RESERVES_SLOT = bigIntToBytes32(8n);
const FEE_RECIPIENT = 0;
const TOKEN = 1;
const FIRST_HOLDER = 10;

/**
 * State diffs as a sequencer under load makes them, one per mini-block: net changes of that many ERC-20 transfers (the
 * sender's nonce and fee, two balance slots of one token), plain transfers, or Uniswap V2 swaps (the sender's nonce and
 * fee, the balances of sender and pair in both tokens, the pair's reserves; not its price accumulators, which change
 * once a block), and of the fee recipient. One seed gives one chain of diffs.
 */
export class SyntheticLoad {
  readonly #options: SyntheticLoadOptions;
  readonly #random: SeededRandom;
  readonly #chooser: HolderChooser;
  readonly #changes = new SyntheticChanges();
  #miniBlock = 0;
  #baseFee = GWEI;

  constructor(options: SyntheticLoadOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#chooser = new HolderChooser(options, this.#random);
  }

  /** Diffs that bring every account and slot of the load into being: apply them first. */
  *setup(): Iterable<StateDiff> {
    const { kind, holders } = this.#options;
    const changes = this.#changes;
    changes.balance(FEE_RECIPIENT, ETHER);
    if (kind === 'erc20') changes.nonce(TOKEN, 1n);
    if (kind === 'swap') for (let pair = 0; pair < PAIRS; pair++) this.#setUpPair(pair);
    for (let i = 0; i < holders; i++) {
      const holder = FIRST_HOLDER + i;
      changes.balance(holder, BigInt(1 + this.#random.below(1_000_000)) * 10n ** 13n + FUNDS + BigInt(this.#random.nextUint32()));
      if (kind === 'erc20') changes.token(TOKEN, holder, this.#initialTokens());
      if (kind === 'swap')
        for (const token of tokensOf(this.#pairOf(holder))) changes.token(token, holder, this.#initialTokens());
      if (changes.size >= SETUP_CHUNK) yield changes.take();
    }
    yield changes.take();
  }

  /** The diff of the next mini-block, of another number of transactions when one is given. */
  next(transactions = this.#options.transactions): StateDiff {
    if (this.#miniBlock++ % MINI_BLOCKS_PER_BLOCK === 0) this.#baseFee = GWEI + BigInt(this.#random.below(250_000_000));
    for (let i = 0; i < transactions; i++) {
      const sender = this.#chooser.next();
      if (this.#options.kind === 'erc20') this.#transferTokens(sender, this.#chooser.nextBut(sender));
      else if (this.#options.kind === 'transfer') this.#transfer(sender, this.#chooser.nextBut(sender));
      else this.#swap(sender, this.#pairOf(sender));
    }
    return this.#changes.take();
  }

  #transferTokens(sender: number, receiver: number): void {
    // Non-zero bytes of calldata cost 12 gas more than zero ones, so the gas of transfers is a few near values.
    this.#payFee(sender, 34_500n + 12n * BigInt(this.#random.below(6)));
    const held = this.#changes.tokensOf(TOKEN, sender);
    const amount = this.#amount(held);
    this.#changes.token(TOKEN, sender, held - amount);
    this.#changes.token(TOKEN, receiver, this.#changes.tokensOf(TOKEN, receiver) + amount);
  }

  #transfer(sender: number, receiver: number): void {
    this.#payFee(sender, 21_000n);
    const amount = this.#amount(TRANSFER_SCALE);
    this.#changes.balance(sender, this.#changes.balanceOf(sender) - amount);
    this.#changes.balance(receiver, this.#changes.balanceOf(receiver) + amount);
  }

  #swap(sender: number, pair: number): void {
    this.#payFee(sender, 110_000n + 12n * BigInt(this.#random.below(6)));
    const changes = this.#changes;
    const account = pairAccount(pair);
    const tokens = tokensOf(pair);
    const [tokenIn, tokenOut] = this.#random.below(2) === 0 ? tokens : [tokens[1], tokens[0]];
    const amountIn = this.#amount(changes.tokensOf(tokenIn, sender));
    const reserveIn = changes.tokensOf(tokenIn, account);
    const reserveOut = changes.tokensOf(tokenOut, account);
    const amountOut = (amountIn * 997n * reserveOut) / (reserveIn * 1000n + amountIn * 997n);
    changes.token(tokenIn, sender, changes.tokensOf(tokenIn, sender) - amountIn);
    changes.token(tokenIn, account, reserveIn + amountIn);
    changes.token(tokenOut, account, reserveOut - amountOut);
    changes.token(tokenOut, sender, changes.tokensOf(tokenOut, sender) + amountOut);
    this.#setReserves(pair);
  }

  #setUpPair(pair: number): void {
    const account = pairAccount(pair);
    for (const token of tokensOf(pair)) {
      this.#changes.nonce(token, 1n);
      this.#changes.token(
        token,
        account,
        BigInt(1_000 + this.#random.below(1_000_000)) * ETHER + BigInt(this.#random.nextUint32()),
      );
    }
    this.#changes.nonce(account, 1n);
    this.#setReserves(pair);
  }

  /** The word of `UniswapV2Pair`: uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast, from the lowest bit. */
  #setReserves(pair: number): void {
    const account = pairAccount(pair);
    const [reserve0, reserve1] = tokensOf(pair).map((token) => this.#changes.tokensOf(token, account)) as [bigint, bigint];
    const timestamp = 1_790_000_000n + BigInt(Math.floor(this.#miniBlock / MINI_BLOCKS_PER_BLOCK));
    this.#changes.slot(account, RESERVES_SLOT, reserve0 | (reserve1 << 112n) | (timestamp << 224n));
  }

  #payFee(sender: number, gas: bigint): void {
    const tip = TIPS[this.#random.below(TIPS.length)] as bigint;
    this.#changes.nonce(sender, this.#changes.nonceOf(sender) + 1n);
    this.#changes.balance(sender, this.#changes.balanceOf(sender) - gas * (this.#baseFee + tip));
    this.#changes.balance(FEE_RECIPIENT, this.#changes.balanceOf(FEE_RECIPIENT) + gas * tip);
  }

  /** Up to a hundredth of what is there, so that nobody runs out. */
  #amount(held: bigint): bigint {
    const most = held / 100n;
    const amount = (most * BigInt(1 + this.#random.below(1_000_000_007))) / 1_000_000_007n;
    if (this.#random.nextUint32() / 2 ** 32 >= (this.#options.roundShare ?? 0.7)) return amount;
    const digits = amount.toString().length - (1 + this.#random.below(5));
    const unit = digits > 0 ? 10n ** BigInt(digits) : 1n;
    return amount >= unit ? amount - (amount % unit) : amount;
  }

  #initialTokens(): bigint {
    return BigInt(1 + this.#random.below(1_000_000)) * 10n ** 17n + BigInt(this.#random.nextUint32()) * 4_294_967_291n;
  }

  /** Fixed for a holder, who thus has balances in two tokens only. */
  #pairOf(holder: number): number {
    const spread = Math.imul(holder, 0x9e3779b1) >>> 0;
    return Math.floor(PAIRS ** (spread / 2 ** 32)) - 1;
  }
}

/** Every pair is of one common token and one of its own. */
function tokensOf(pair: number): readonly [number, number] {
  return [TOKEN, -2 * pair - 2];
}

function pairAccount(pair: number): number {
  return -2 * pair - 1;
}

class HolderChooser {
  readonly #holders: number;
  readonly #random: SeededRandom;
  /** Cumulative shares of the holders by rank; undefined when all are alike. */
  readonly #shares: Float64Array | undefined;

  constructor({ holders, choice }: SyntheticLoadOptions, random: SeededRandom) {
    this.#holders = holders;
    this.#random = random;
    if (choice === 'uniform') return;
    this.#shares = new Float64Array(holders);
    let sum = 0;
    for (let rank = 0; rank < holders; rank++) {
      sum += 1 / (rank + 1);
      this.#shares[rank] = sum;
    }
  }

  /** Any other than `holder`. */
  nextBut(holder: number): number {
    for (;;) {
      const chosen = this.next();
      if (chosen !== holder) return chosen;
    }
  }

  next(): number {
    const shares = this.#shares;
    if (shares === undefined) return FIRST_HOLDER + this.#random.below(this.#holders);
    const point = (this.#random.nextUint32() / 2 ** 32) * (shares.at(-1) as number);
    let low = 0;
    let high = this.#holders - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((shares[middle] as number) <= point) low = middle + 1;
      else high = middle;
    }
    // Spread over the holders, so that the most active ones have no neighbouring rows.
    return FIRST_HOLDER + Number((BigInt(low) * 2_654_435_761n) % BigInt(this.#holders));
  }
}
