import { type Bytes, bigIntToBytes32, EMPTY_BYTES, padTo32, toHex } from '../util/bytes.ts';
import type { WorkloadName } from './bench-options.ts';
import type { SeededRandom } from './seeded-random.ts';
import { ADD_LIQUIDITY_GAS, type Call, encodeCall, type SetupPlan } from './setup-plan.ts';

/** Makes the transactions of a run: `next` is the next call of the account with index `sender`. */
export type Workload = { next(sender: number): Call };

const TRANSFER_GAS = 21_000n;
/** 52,000 to an address without tokens yet. */
const ERC20_GAS = 80_000n;
/** 110,000 to 130,000 used. */
const SWAP_GAS = 200_000n;

/** Transfers go to this many addresses: some storage is new, most is written again, as on a real chain. */
const RECIPIENTS = 1_000;

const TOKEN_UNIT = 10n ** 18n;
/** So much more than all transfers of the longest run together that balances never run out. */
const TOKENS_PER_ACCOUNT = 10n ** 9n * TOKEN_UNIT;
const POOL_LIQUIDITY = 10n ** 12n * TOKEN_UNIT;
const TOKEN_SUPPLY = 10n ** 15n * TOKEN_UNIT;
const NO_DEADLINE = 2n ** 256n - 1n;

/** The mixed workload, per cent: mostly payments, as on public chains. */
const MIXED_TRANSFERS = 50;
const MIXED_ERC20 = 35;

/** Offsets of the arguments that change from call to call, after the four selector bytes. */
const FIRST_ARGUMENT = 4;
const SECOND_ARGUMENT = 36;

/** Largest gas limit of the workload's transactions: bounds what an account must be able to pay. */
export function maxCallGas(name: WorkloadName): bigint {
  if (name === 'transfer') return TRANSFER_GAS;
  return name === 'erc20' ? ERC20_GAS : SWAP_GAS;
}

/** Adds what the workload needs on the chain to `setup` and returns its generator. */
export function createWorkload(name: WorkloadName, setup: SetupPlan, random: SeededRandom): Workload {
  const recipients = Array.from({ length: RECIPIENTS }, () => random.bytes(20));
  switch (name) {
    case 'transfer':
      return transferWorkload(recipients, random);
    case 'erc20':
      return erc20Workload(setup, recipients, random);
    case 'uniswap':
      return uniswapWorkload(setup, random);
    case 'mixed':
      return mixedWorkload(
        transferWorkload(recipients, random),
        erc20Workload(setup, recipients, random),
        uniswapWorkload(setup, random),
        random,
      );
  }
}

function transferWorkload(recipients: readonly Bytes[], random: SeededRandom): Workload {
  return {
    next: () => ({
      to: recipients[random.below(RECIPIENTS)] as Bytes,
      value: BigInt(random.nextUint32()) + 1n,
      data: EMPTY_BYTES,
      gasLimit: TRANSFER_GAS,
    }),
  };
}

function erc20Workload(setup: SetupPlan, recipients: readonly Bytes[], random: SeededRandom): Workload {
  const token = deployToken(setup, 'Bench Token', 'BENCH');
  const template = encodeCall('BenchToken', 'transfer', [toHex(setup.addressOf(0)), 0n]);
  return {
    next: () => {
      const data = template.slice();
      data.set(padTo32(recipients[random.below(RECIPIENTS)] as Bytes), FIRST_ARGUMENT);
      data.set(bigIntToBytes32(BigInt(random.nextUint32()) + 1n), SECOND_ARGUMENT);
      return { to: token, value: 0n, data, gasLimit: ERC20_GAS };
    },
  };
}

/** Swaps of random size and direction in one pool, so that the reserves stay near each other. */
function uniswapWorkload(setup: SetupPlan, random: SeededRandom): Workload {
  const owner = toHex(setup.addressOf(0));
  const tokens = [deployToken(setup, 'Bench A', 'BA'), deployToken(setup, 'Bench B', 'BB')] as const;
  const weth = setup.deploy('WETH9');
  const factory = setup.deploy('UniswapV2Factory', [owner]);
  const router = setup.deploy('UniswapV2Router02', [toHex(factory), toHex(weth)]);
  for (const token of tokens) {
    setup.ownerCall('BenchToken', token, 'approve', [toHex(router), NO_DEADLINE]);
    setup.callFromEveryone('BenchToken', token, 'approve', [toHex(router), NO_DEADLINE]);
  }
  const path = tokens.map(toHex);
  const liquidity = [...path, POOL_LIQUIDITY, POOL_LIQUIDITY, 0n, 0n, owner, NO_DEADLINE];
  setup.ownerCall('UniswapV2Router02', router, 'addLiquidity', liquidity, ADD_LIQUIDITY_GAS);
  const [forth, back] = [path, path.toReversed()].map((route) =>
    setup.accounts.map(({ address }) =>
      encodeCall('UniswapV2Router02', 'swapExactTokensForTokens', [0n, 0n, route, toHex(address), NO_DEADLINE]),
    ),
  ) as [Bytes[], Bytes[]];
  return {
    next: (sender) => {
      const templates = random.below(2) === 0 ? forth : back;
      const data = (templates[sender] as Bytes).slice();
      data.set(bigIntToBytes32(TOKEN_UNIT + BigInt(random.nextUint32())), FIRST_ARGUMENT);
      return { to: router, value: 0n, data, gasLimit: SWAP_GAS };
    },
  };
}

function mixedWorkload(transfers: Workload, erc20: Workload, uniswap: Workload, random: SeededRandom): Workload {
  return {
    next: (sender) => {
      const draw = random.below(100);
      if (draw < MIXED_TRANSFERS) return transfers.next(sender);
      return draw < MIXED_TRANSFERS + MIXED_ERC20 ? erc20.next(sender) : uniswap.next(sender);
    },
  };
}

function deployToken(setup: SetupPlan, name: string, symbol: string): Bytes {
  const token = setup.deploy('BenchToken', [name, symbol, TOKEN_SUPPLY, toHex(setup.addressOf(0))]);
  for (let index = 1; index < setup.accounts.length; index++) {
    setup.ownerCall('BenchToken', token, 'transfer', [toHex(setup.addressOf(index)), TOKENS_PER_ACCOUNT]);
  }
  return token;
}
