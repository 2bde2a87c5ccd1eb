import { privateKeyToAccount } from 'viem/accounts';
import type { SeededRandom } from '../../src/bench/seeded-random.ts';
import { type Hex, toHex } from '../../src/util/bytes.ts';
import { initCodeOf, LOG, REVERT, STORE } from './contracts.ts';
import { defined } from './defined.ts';
import type { InProcessSequencer } from './in-process-sequencer.ts';
import { type RpcReceiptJson, rpc } from './json-rpc.ts';
import type { TestAccount } from './test-accounts.ts';
import { waitFor } from './wait-for.ts';

/** Loops until its gas is gone. */
const ENDLESS = '0x5b600056';
/** Bytes of code that is made at random. */
const RANDOM_CODE_BYTES = 40;

/** What requests of a chain are made of: its addresses, hashes and numbers, and others that look like them. */
export interface Vocabulary {
  readonly chainId: number;
  readonly accounts: readonly TestAccount[];
  readonly addresses: readonly Hex[];
  readonly transactions: readonly Hex[];
  readonly blockHashes: readonly Hex[];
  /** Ids of filters and subscriptions that were given out. */
  readonly ids: string[];
}

/** Makes some blocks with contracts, logs and transfers, and tells what is in them. */
export async function populate(node: InProcessSequencer): Promise<Vocabulary> {
  const sender = defined(node.accounts[0]);
  let nonce = 0;
  const send = async (to: Hex | undefined, data: Hex): Promise<RpcReceiptJson> => {
    const raw = await signTransaction(node, sender, { nonce: nonce++, to, data });
    const hash = await rpc<Hex>(node.rpcUrl, 'eth_sendRawTransaction', [raw]);
    return waitForReceipt(node, hash, () => true);
  };
  const deploy = async (code: Uint8Array): Promise<Hex> =>
    defined((await send(undefined, toHex(initCodeOf(code)))).contractAddress ?? undefined);
  const contracts = [await deploy(STORE), await deploy(LOG), await deploy(REVERT)];
  const transactions: Hex[] = [];
  for (const contract of contracts) {
    for (const word of [1n, 2n]) {
      const data: Hex = `0x${word.toString(16).padStart(64, '0')}${'07'.padStart(64, '0')}`;
      transactions.push((await send(contract, data)).transactionHash);
    }
  }
  transactions.push((await send(toHex(defined(node.accounts[1]).address), '0x')).transactionHash);
  const { blockHash } = await waitForReceipt(node, defined(transactions.at(-1)), (receipt) => !/^0x0+$/.test(receipt.blockHash));
  const genesis = await rpc<{ hash: Hex }>(node.rpcUrl, 'eth_getBlockByNumber', ['0x0', false]);
  return {
    chainId: node.chainId,
    accounts: node.accounts,
    addresses: [...contracts, ...node.accounts.map(({ address }) => toHex(address))],
    transactions,
    blockHashes: [genesis.hash, blockHash],
    ids: [],
  };
}

function waitForReceipt(
  { rpcUrl }: InProcessSequencer,
  hash: Hex,
  isEnough: (receipt: RpcReceiptJson) => boolean,
): Promise<RpcReceiptJson> {
  return waitFor(async () => {
    const receipt = await rpc<RpcReceiptJson | null>(rpcUrl, 'eth_getTransactionReceipt', [hash]);
    return receipt !== null && isEnough(receipt) ? receipt : undefined;
  });
}

export interface TransactionSpec {
  readonly nonce: number;
  readonly to: Hex | undefined;
  readonly data: Hex;
}

export function signTransaction(
  { chainId }: { readonly chainId: number },
  { privateKey }: TestAccount,
  { nonce, to, data }: TransactionSpec,
): Promise<Hex> {
  return privateKeyToAccount(toHex(privateKey)).signTransaction({
    ...{
      type: 'eip1559',
      chainId,
      nonce,
      gas: 200_000n,
      maxFeePerGas: 3_000_000_000n,
      maxPriorityFeePerGas: 1_000_000_000n,
      data,
    },
    ...(to === undefined ? {} : { to }),
  });
}

/** Draws words of a vocabulary. */
export class Words {
  readonly vocabulary: Vocabulary;
  readonly random: SeededRandom;

  constructor(vocabulary: Vocabulary, random: SeededRandom) {
    this.vocabulary = vocabulary;
    this.random = random;
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.random.below(values.length)] as T;
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.random.below(times) === 0;
  }

  hex(bytes: number): Hex {
    return toHex(this.random.bytes(bytes));
  }

  quantity(): Hex {
    const bits = this.random.below(257);
    return this.oneOf<Hex>(['0x0', '0x1', '0x5208', `0x${(2n ** BigInt(bits) - 1n).toString(16)}`]);
  }

  address(): Hex {
    return this.once(10) ? this.hex(20) : this.oneOf(this.vocabulary.addresses);
  }

  blockHash(): Hex {
    return this.once(8) ? this.hex(32) : this.oneOf(this.vocabulary.blockHashes);
  }

  transactionHash(): Hex {
    return this.once(8) ? this.hex(32) : this.oneOf(this.vocabulary.transactions);
  }

  slot(): Hex {
    return this.oneOf<Hex>(['0x0', '0x1', `0x${'01'.padStart(64, '0')}`, this.hex(32)]);
  }

  number(): string {
    return this.oneOf(['latest', 'latest', 'pending', 'earliest', 'safe', 'finalized', '0x0', '0x1', '0x2', '0x7fffffff']);
  }

  /** A block as methods of state take it. */
  block(): unknown {
    if (this.once(5)) return this.blockHash();
    if (this.once(5)) return this.oneOf([{ blockNumber: '0x1' }, { blockHash: this.blockHash(), requireCanonical: true }]);
    return this.number();
  }

  code(): Hex {
    return this.oneOf<Hex>([ENDLESS, toHex(STORE), toHex(REVERT), '0x', this.hex(this.random.below(RANDOM_CODE_BYTES))]);
  }

  call(): Record<string, unknown> {
    const call: Record<string, unknown> = { to: this.address(), data: this.hex(this.random.below(70)) };
    if (this.once(2)) call['from'] = this.address();
    if (this.once(3)) call['value'] = this.quantity();
    if (this.once(3)) call['gas'] = this.oneOf(['0x5208', '0x100000', '0xffffffffffff', '0x1']);
    if (this.once(4)) call['gasPrice'] = this.quantity();
    if (this.once(4)) call['maxFeePerGas'] = this.quantity();
    if (this.once(6)) call['accessList'] = [{ address: this.address(), storageKeys: [this.hex(32)] }];
    if (this.once(6)) delete call['to'];
    if (this.once(8)) call['nonce'] = this.quantity();
    if (this.once(12)) call['authorizationList'] = [this.authorization()];
    if (this.once(12)) Object.assign(call, { blobVersionedHashes: [this.hex(32)], maxFeePerBlobGas: '0x1' });
    return call;
  }

  authorization(): object {
    return { chainId: '0x1', address: this.address(), nonce: '0x0', yParity: '0x0', r: this.hex(32), s: this.hex(32) };
  }

  overrides(): object {
    const account: Record<string, unknown> = {};
    if (this.once(2)) account['code'] = this.code();
    if (this.once(2)) account['balance'] = this.quantity();
    if (this.once(4)) account['nonce'] = this.quantity();
    if (this.once(3)) account[this.oneOf(['state', 'stateDiff'])] = { [this.hex(32)]: this.hex(32) };
    if (this.once(10)) account['movePrecompileToAddress'] = this.address();
    return { [this.address()]: account };
  }

  blockOverrides(): object {
    const fields = ['number', 'time', 'gasLimit', 'feeRecipient', 'prevRandao', 'baseFeePerGas', 'blobBaseFee'] as const;
    const value = (name: string): Hex =>
      name === 'feeRecipient' ? this.address() : name === 'prevRandao' ? this.hex(32) : this.quantity();
    return Object.fromEntries(fields.filter(() => this.once(3)).map((name) => [name, value(name)]));
  }

  filter(): Record<string, unknown> {
    const filter: Record<string, unknown> = {};
    if (this.once(2)) filter['address'] = this.once(2) ? this.address() : [this.address(), this.address()];
    if (this.once(2)) filter['topics'] = this.oneOf([[this.hex(32)], [null, [this.hex(32)]], [], [[], null]]);
    if (this.once(5)) filter['blockHash'] = this.blockHash();
    else Object.assign(filter, { fromBlock: this.number(), toBlock: this.number() });
    return filter;
  }

  raw(): Hex {
    return this.oneOf<Hex>(['0x', '0x02', this.hex(120), `0x02${this.hex(100).slice(2)}`, `0x04${this.hex(100).slice(2)}`]);
  }

  id(): string {
    return this.once(3) || this.vocabulary.ids.length === 0 ? this.hex(16) : this.oneOf(this.vocabulary.ids);
  }
}
