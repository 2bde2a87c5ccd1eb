import type { BenchAccount } from '../../../src/bench/bench-accounts.ts';
import { readNonces } from '../../../src/bench/chain-state.ts';
import type { RpcClient } from '../../../src/bench/rpc-client.ts';
import type { SeededRandom } from '../../../src/bench/seeded-random.ts';
import { type BenchChain, signTransfer, tokenTransfer } from './bench-chain.ts';
import type { LoadClient } from './load-client.ts';
import type { SyncOutcome } from './load-jobs.ts';

/** Three beats of the sequencer, which sends at a fixed distance from the last receipt would fall in step with. */
const LONGEST_PAUSE_MS = 30;

/** Times single ERC-20 transfers by eth_sendRawTransactionSync, in turn directly and through the replica. */
export async function measureSync(
  client: LoadClient,
  sequencer: RpcClient,
  urls: readonly [direct: string, replica: string],
  { token, holders, terms }: BenchChain,
  owner: BenchAccount,
  random: SeededRandom,
  sends: number,
): Promise<SyncOutcome> {
  await readNonces(sequencer, [owner]);
  const count = sends * urls.length;
  const transactions = Array.from({ length: count }, () => signTransfer(owner, tokenTransfer(token, holders, random), terms));
  const pausesMs = transactions.map(() => random.below(LONGEST_PAUSE_MS));
  return client.run({ kind: 'sync', urls, transactions, pausesMs });
}
