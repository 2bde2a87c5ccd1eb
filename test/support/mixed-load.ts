import { type Abi, encodeDeployData, encodeFunctionData, getContractAddress, type TransactionSerializable } from 'viem';
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { contractArtifact } from '../../src/bench/artifacts.ts';
import { type Hex, toHex } from '../../src/util/bytes.ts';
import { initCodeOf, LOG } from './contracts.ts';
import { defined } from './defined.ts';

/** What a transaction of the load is to end as. */
export type LoadKind = 'transfer' | 'legacy' | 'accessList' | 'token' | 'revert' | 'creation' | 'delegation';

export interface LoadTransaction {
  readonly kind: LoadKind;
  readonly raw: Hex;
}

/** What the chain must say once everything is included, computed here and not read from it. */
export interface ExpectedState {
  /** Wei by address, of recipients that were empty before. */
  readonly balances: Map<Hex, bigint>;
  /** Token units by address. */
  readonly tokens: Map<Hex, bigint>;
  readonly contracts: Hex[];
  /** Code of the account that delegated (EIP-7702). */
  readonly delegations: Map<Hex, Hex>;
}

const TIP_WEI = 1_000_000n;
/** Far above the floor of 0.01 gwei, so that a rising base fee refuses nothing. */
const MAX_FEE_WEI = 10_000_000_000n;
const TOKEN_UNITS = 3n;
/** One of each in a round; transfers are most of what chains carry. */
const ROUND: readonly LoadKind[] = [
  'transfer',
  'token',
  'legacy',
  'token',
  'transfer',
  'accessList',
  'token',
  'revert',
  'transfer',
  'creation',
];
/** Every so many transactions one delegates. */
const DELEGATION_EVERY = 250;

/** The OpenZeppelin token of the benchmark. */
export const TOKEN: { readonly abi: Abi; readonly bytecode: Hex } = contractArtifact('BenchToken');

/** Creation data of a token whose `supply` belongs to `owner`. */
export function tokenCreation(owner: Hex, supply: bigint): Hex {
  return encodeDeployData({ abi: TOKEN.abi, bytecode: TOKEN.bytecode, args: ['Test Token', 'TEST', supply, owner] });
}

/** Signs a load of every kind of transaction and keeps account of what it must lead to. */
export class MixedLoad {
  readonly transactions: LoadTransaction[] = [];
  readonly expected: ExpectedState = { balances: new Map(), tokens: new Map(), contracts: [], delegations: new Map() };
  readonly #chainId: number;
  readonly #token: Hex;
  readonly #nonces = new Map<Hex, number>();
  readonly #recipients: Hex[] = Array.from({ length: 16 }, () => privateKeyToAccount(generatePrivateKey()).address);

  /** @param options.token an ERC-20 of which every sender, none of which has sent anything yet, has some */
  constructor(options: { readonly chainId: number; readonly token: Hex }) {
    this.#chainId = options.chainId;
    this.#token = options.token;
  }

  /** Signs `count` transactions, from each sender in turn. */
  async sign(senders: readonly PrivateKeyAccount[], count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const kind = i % DELEGATION_EVERY === DELEGATION_EVERY - 1 ? 'delegation' : defined(ROUND[i % ROUND.length]);
      // Rounds and senders are shifted against each other, so that each sender sends every kind.
      const sender = defined(senders[(i + Math.floor(i / ROUND.length)) % senders.length]);
      this.transactions.push({ kind, raw: await this.#one(kind, sender, i) });
    }
  }

  async #one(kind: LoadKind, sender: PrivateKeyAccount, i: number): Promise<Hex> {
    const nonce = this.#nonces.get(sender.address) ?? 0;
    this.#nonces.set(sender.address, nonce + 1);
    const fees = { maxFeePerGas: MAX_FEE_WEI, maxPriorityFeePerGas: TIP_WEI };
    const common = { chainId: this.#chainId, nonce };
    const recipient = defined(this.#recipients[i % this.#recipients.length]);
    const value = BigInt(i + 1);
    return sender.signTransaction(await this.#request(kind, { sender, common, fees, recipient, value }));
  }

  async #request(
    kind: LoadKind,
    context: {
      readonly sender: PrivateKeyAccount;
      readonly common: { readonly chainId: number; readonly nonce: number };
      readonly fees: { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint };
      readonly recipient: Hex;
      readonly value: bigint;
    },
  ): Promise<TransactionSerializable> {
    const { sender, common, fees, recipient, value } = context;
    const { balances, tokens, contracts, delegations } = this.expected;
    const gasPrice = MAX_FEE_WEI;
    switch (kind) {
      case 'transfer':
        add(balances, recipient, value);
        return { type: 'eip1559', ...common, ...fees, to: recipient, value, gas: 21_000n };
      case 'legacy':
        add(balances, recipient, value);
        return { type: 'legacy', ...common, gasPrice, to: recipient, value, gas: 21_000n };
      case 'accessList': {
        add(balances, recipient, value);
        const accessList = [{ address: this.#token, storageKeys: [toHex(new Uint8Array(32))] }];
        return { type: 'eip2930', ...common, gasPrice, to: recipient, value, gas: 30_000n, accessList };
      }
      case 'token':
        add(tokens, recipient, TOKEN_UNITS);
        return {
          type: 'eip1559',
          ...common,
          ...fees,
          to: this.#token,
          data: transferData(recipient, TOKEN_UNITS),
          gas: 100_000n,
        };
      case 'revert':
        return { type: 'eip1559', ...common, ...fees, to: this.#token, data: transferData(recipient, 2n ** 200n), gas: 100_000n };
      case 'creation':
        contracts.push(getContractAddress({ from: sender.address, nonce: BigInt(common.nonce) }));
        return { type: 'eip1559', ...common, ...fees, data: toHex(initCodeOf(LOG)), gas: 200_000n };
      case 'delegation': {
        const authority = privateKeyToAccount(generatePrivateKey());
        const authorization = await authority.signAuthorization({
          contractAddress: this.#token,
          chainId: common.chainId,
          nonce: 0,
        });
        delegations.set(authority.address, `0xef0100${this.#token.slice(2).toLowerCase()}`);
        add(balances, authority.address, 0n);
        return {
          type: 'eip7702',
          ...common,
          ...fees,
          to: recipient,
          value: 0n,
          gas: 100_000n,
          authorizationList: [authorization],
        };
      }
    }
  }
}

function transferData(to: Hex, amount: bigint): Hex {
  return encodeFunctionData({ abi: TOKEN.abi, functionName: 'transfer', args: [to, amount] });
}

function add(amounts: Map<Hex, bigint>, address: Hex, amount: bigint): void {
  amounts.set(address, (amounts.get(address) ?? 0n) + amount);
}
