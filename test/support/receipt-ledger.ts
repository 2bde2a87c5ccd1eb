import type { PrivateKeyAccount } from 'viem';
import { expect } from 'vitest';
import { type Bytes, EMPTY_BYTES, type Hex, toHex } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { type RpcReceiptJson, rpc, rpcBatch } from './json-rpc.ts';
import type { TestDevnet } from './test-devnet.ts';

/** Calls in one batch, below the server's limit of 1,000. */
const BATCH = 500;
/** Bound of what one sender sends in a row, should nothing stop it. */
const MAX_SENDS = 500;
/** Most gas per byte of calldata (EIP-7623), and of a transfer without any. */
const GAS_PER_DATA_BYTE = 40n;
const TRANSFER_GAS = 21_000n;
/** Time for a receipt whose node is to give one, ms; whoever waits for a failure has the server's default, 2 s. */
const RECEIPT_TIMEOUT_MS = 20_000;

interface Given {
  readonly receipt: RpcReceiptJson;
  /** An address of its own, which is given 1 wei. */
  readonly recipient: Hex;
}

/**
 * Transfers of 1 wei, each to an address of its own, and the receipts that clients were given for them: what no crash
 * may take back.
 */
export class ReceiptLedger {
  readonly given: Given[] = [];
  readonly #devnet: TestDevnet;
  /** Chain-wide count of transfers signed: says their recipients. */
  #signed = 0;

  constructor(devnet: TestDevnet) {
    this.#devnet = devnet;
  }

  /** The newest block that a receipt names. */
  get lastBlock(): number {
    return Math.max(0, ...this.given.map(({ receipt }) => Number(receipt.blockNumber)));
  }

  /** Sends one transfer from a funded account, which nothing else uses meanwhile, and waits for its receipt. */
  async send(name: string, accountIndex: number): Promise<RpcReceiptJson> {
    const url = this.#devnet.rpcUrl(name);
    const account = this.#devnet.account(accountIndex);
    const nonce = Number(await rpc<Hex>(url, 'eth_getTransactionCount', [account.address, 'pending']));
    return this.#sendOne(url, account, { nonce, data: EMPTY_BYTES, timeout: [RECEIPT_TIMEOUT_MS] });
  }

  /**
   * Sends one after the other, each when the receipt of the one before is here; ends with the first failure.
   * @param load.data calldata of each
   * @param load.isEnough asked after each
   */
  async sendUntilFailure(
    name: string,
    accountIndex: number,
    { data = EMPTY_BYTES, isEnough = () => false }: { readonly data?: Bytes; readonly isEnough?: () => boolean } = {},
  ): Promise<void> {
    const url = this.#devnet.rpcUrl(name);
    const account = this.#devnet.account(accountIndex);
    try {
      let nonce = Number(await rpc<Hex>(url, 'eth_getTransactionCount', [account.address, 'pending']));
      for (let sent = 0; sent < MAX_SENDS && !isEnough(); sent++) {
        await this.#sendOne(url, account, { nonce: nonce++, data, timeout: [] });
      }
    } catch {
      // Whoever calls sees by the process why.
    }
  }

  async #sendOne(
    url: string,
    account: PrivateKeyAccount,
    { nonce, data, timeout }: { readonly nonce: number; readonly data: Bytes; readonly timeout: readonly number[] },
  ): Promise<RpcReceiptJson> {
    const recipient = toHex(keccak256(new TextEncoder().encode(`recipient ${this.#signed++}`)).subarray(12));
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: this.#devnet.chainId,
      to: recipient,
      value: 1n,
      data: toHex(data),
      gas: TRANSFER_GAS + GAS_PER_DATA_BYTE * BigInt(data.length),
      maxFeePerGas: 100_000_000_000n,
      maxPriorityFeePerGas: 1n,
      nonce,
    });
    const receipt = await rpc<RpcReceiptJson>(url, 'eth_sendRawTransactionSync', [raw, ...timeout]);
    expect(receipt.status).toBe('0x1');
    this.given.push({ receipt, recipient });
    return receipt;
  }

  /** Every receipt, of blocks from `fromBlock` on, is still there as it was given, and so is what every transfer did. */
  async expectAllAt(name: string, fromBlock = 0): Promise<void> {
    const url = this.#devnet.rpcUrl(name);
    for (let start = 0; start < this.given.length; start += BATCH) {
      const part = this.given.slice(start, start + BATCH);
      const kept = part.filter(({ receipt }) => Number(receipt.blockNumber) >= fromBlock);
      const hashes = kept.map(({ receipt }) => [receipt.transactionHash]);
      const receipts = await rpcBatch<RpcReceiptJson | null>(url, 'eth_getTransactionReceipt', hashes);
      expect(receipts.map(withoutBlockHash)).toEqual(kept.map(({ receipt }) => withoutBlockHash(receipt)));
      const recipients = part.map(({ recipient }) => [recipient, 'latest']);
      const balances = await rpcBatch<Hex>(url, 'eth_getBalance', recipients);
      expect(balances.filter((balance) => balance !== '0x1')).toEqual([]);
    }
  }
}

/** A receipt without what its block's seal adds later. */
function withoutBlockHash(receipt: RpcReceiptJson | null): unknown {
  return receipt === null ? null : { ...receipt, blockHash: undefined };
}
