import { setImmediate } from 'node:timers/promises';
import { toHex } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import type { BenchAccount } from './bench-accounts.ts';
import type { ChainTerms } from './chain-state.ts';
import type { Call } from './setup-plan.ts';
import { type SignedTransaction, signTransaction } from './transaction-encoder.ts';
import type { Workload } from './workloads.ts';

/**
 * `count` transactions from index `first` on, as one JSON-RPC batch whose ids are the indices.
 * `order` counts batches over all lanes in the order they should leave.
 */
export type PlannedBatch = { order: number; first: number; count: number; body: Buffer };

/**
 * A run, signed. A lane owns its accounts and has one batch in flight, so an account's nonces always arrive in order
 * however many lanes there are.
 */
export type PresignedLoad = {
  hashes: string[];
  /** Sender's index by transaction index. */
  senders: Uint16Array;
  lanes: PlannedBatch[][];
  /** Size of a full batch. */
  batchSize: number;
};

export type LoadShape = { transactions: number; batchSize: number; lanes: number };

/** The event loop gets a turn after so many signatures (30 ms), for the progress bar and Ctrl-C. */
const SIGNATURES_PER_TURN = 500;

/** Signs the whole load; advances the accounts' nonces. `onProgress` gets the number signed so far. */
export async function presignLoad(
  shape: LoadShape,
  accounts: readonly BenchAccount[],
  terms: ChainTerms,
  workload: Workload,
  onProgress: (signed: number) => void,
): Promise<PresignedLoad> {
  const laneCount = Math.min(shape.lanes, accounts.length);
  const lanes: PlannedBatch[][] = Array.from({ length: laneCount }, () => []);
  const load: PresignedLoad = {
    hashes: [],
    senders: new Uint16Array(shape.transactions),
    lanes,
    batchSize: shape.batchSize,
  };
  const cursors = new Array<number>(laneCount).fill(0);
  let requests: string[] = [];
  for (let index = 0, order = 0; index < shape.transactions; index++) {
    const lane = order % laneCount;
    const sender = senderOf(lane, laneCount, accounts.length, cursors);
    const signed = signCall(accounts, sender, workload.next(sender), terms);
    load.senders[index] = sender;
    load.hashes.push(toHex(signed.hash));
    requests.push(sendRequest(index, toHex(signed.raw)));
    if (requests.length === shape.batchSize || index === shape.transactions - 1) {
      const first = index + 1 - requests.length;
      lanes[lane]?.push({
        order,
        first,
        count: requests.length,
        body: Buffer.from(`[${requests.join(',')}]`, 'latin1'),
      });
      requests = [];
      order++;
    }
    if ((index + 1) % SIGNATURES_PER_TURN === 0) {
      onProgress(index + 1);
      await setImmediate();
    }
  }
  onProgress(shape.transactions);
  return load;
}

/** Signs `call` with the account's next nonce and advances it. */
export function signCall(accounts: readonly BenchAccount[], sender: number, call: Call, terms: ChainTerms): SignedTransaction {
  const account = accounts[sender];
  invariant(account, 'the sender is one of the accounts');
  const signed = signTransaction({ ...terms, ...call, nonce: account.nonce }, account.privateKey);
  account.nonce++;
  return signed;
}

function sendRequest(id: number, raw: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"eth_sendRawTransaction","params":["${raw}"]}`;
}

/** The lane's accounts in turn: lane l has the accounts l, l + lanes, l + 2 lanes, ... */
function senderOf(lane: number, lanes: number, accounts: number, cursors: number[]): number {
  const owned = Math.ceil((accounts - lane) / lanes);
  const turn = cursors[lane] as number;
  cursors[lane] = (turn + 1) % owned;
  return lane + turn * lanes;
}
