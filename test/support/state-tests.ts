import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { EthereumJsEngine } from '../../src/execution/ethereumjs/engine.ts';
import type { BlockEnvironment } from '../../src/protocol/block-header.ts';
import type { StateEntry } from '../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH, ZERO_HASH } from '../../src/protocol/primitives.ts';
import type { Log } from '../../src/protocol/receipt.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { decodeTransaction } from '../../src/protocol/transaction.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { Trie } from '../../src/state/trie.ts';
import { type Bytes, fromHex, padTo32, toHex, trimLeadingZeros } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { recoverAddress } from '../../src/util/secp256k1.ts';
import type { MapState } from './map-state.ts';
import { mapStateOf } from './map-state-of.ts';

/** One post state of an official state test (execution-spec-tests format). */
interface PostState {
  readonly hash: string;
  readonly logs: string;
  readonly txbytes: string;
  readonly expectException?: string;
}

interface PreAccount {
  readonly nonce: string;
  readonly balance: string;
  readonly code: string;
  readonly storage: Record<string, string>;
}

interface StateTest {
  readonly env: Record<string, string>;
  readonly pre: Record<string, PreAccount>;
  readonly post: Record<string, PostState[]>;
}

const CHAIN_ID = 1;
const BLOB_TRANSACTION_TYPE = 3;

/** Paths of all state test files below `folder`, sorted. */
export function listStateTestFiles(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(folder, name));
}

export interface StateTestResult {
  readonly passed: number;
  /** Blob transactions, which are not taken here. */
  readonly skipped: number;
  /** One line for each failed case. */
  readonly failures: readonly string[];
}

/** Runs the Prague cases of one file. */
export async function runStateTestFile(path: string, folder: string, optimised: boolean): Promise<StateTestResult> {
  const tests = JSON.parse(readFileSync(path, 'utf8')) as Record<string, StateTest>;
  let passed = 0;
  let skipped = 0;
  const failures: string[] = [];
  for (const [name, test] of Object.entries(tests)) {
    for (const post of test.post['Prague'] ?? []) {
      if (fromHex(post.txbytes)[0] === BLOB_TRANSACTION_TYPE) skipped++;
      else {
        const problem = await runCase(test, post, optimised);
        if (problem === undefined) passed++;
        else failures.push(`${relative(folder, path)} ${name}: ${problem}`);
      }
    }
  }
  return { passed, skipped, failures };
}

async function runCase(test: StateTest, post: PostState, optimised: boolean): Promise<string | undefined> {
  const state = preState(test.pre);
  const { logs, refusal } = await runTransaction(state, test.env, fromHex(post.txbytes), optimised);
  if ((refusal !== undefined) !== (post.expectException !== undefined)) {
    return `expected ${post.expectException ?? 'inclusion'}, got ${refusal ?? 'inclusion'}`;
  }
  const logsHash = toHex(keccak256(encodeRlp(logs.map((log) => [log.address, log.topics, log.data]))));
  if (refusal === undefined && logsHash !== post.logs) return 'logs differ';
  const root = toHex(stateRootOf(state));
  return root === post.hash ? undefined : `state root ${root} instead of ${post.hash}`;
}

async function runTransaction(
  state: MapState,
  env: Record<string, string>,
  raw: Bytes,
  optimised: boolean,
): Promise<{ logs: readonly Log[]; refusal: string | undefined }> {
  const world = new OverlayState(state);
  const engine = new EthereumJsEngine({ chainId: CHAIN_ID, optimised }, { state: world, blockHash: testBlockHash });
  // Resuming a block leaves out its system calls, as the tests do.
  await engine.beginBlock(toEnvironment(env), 0n);
  try {
    const transaction = decodeTransaction(raw);
    const sender = recoverAddress(transaction.signingHash, transaction.signature);
    const outcome = await engine.execute({ transaction, sender });
    state.apply(world.takeDiff(), 1);
    if (outcome.kind === 'rejected') return { logs: [], refusal: `${outcome.code} ${outcome.message}` };
    return { logs: outcome.receipt.logs, refusal: undefined };
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    return { logs: [], refusal: `${error.code} ${error.message}` };
  }
}

function toEnvironment(env: Record<string, string>): BlockEnvironment {
  const value = (name: string) => BigInt(env[name] ?? '0x0');
  return {
    number: Number(value('currentNumber')),
    parentHash: ZERO_HASH,
    timestamp: Number(value('currentTimestamp')),
    baseFeePerGas: value('currentBaseFee'),
    gasLimit: value('currentGasLimit'),
    coinbase: fromHex(env['currentCoinbase'] ?? ''),
    prevRandao: fromHex(env['currentRandom'] ?? toHex(ZERO_HASH)),
  };
}

/** Test generators hash the decimal block number. */
function testBlockHash(number: number): Bytes {
  return keccak256(new TextEncoder().encode(String(number)));
}

function preState(pre: StateTest['pre']): MapState {
  const entries = Object.entries(pre).map(([address, account]): StateEntry => {
    const code = fromHex(account.code);
    return {
      address: fromHex(address),
      account: {
        nonce: BigInt(account.nonce),
        balance: BigInt(account.balance),
        codeHash: code.length === 0 ? EMPTY_CODE_HASH : keccak256(code),
      },
      slots: Object.entries(account.storage).map(([key, value]) => ({ key: word(key), value: word(value) })),
    };
  });
  const codes = Object.values(pre).map((account) => fromHex(account.code));
  return mapStateOf(
    entries,
    codes.filter((code) => code.length > 0),
  );
}

function word(hex: string): Bytes {
  const digits = hex.slice(2);
  return padTo32(fromHex(`0x${digits.length % 2 === 0 ? digits : `0${digits}`}`));
}

/** Merkle root of everything in the state (Yellow Paper, section 4.1). */
export function stateRootOf(state: MapState): Bytes {
  const accounts = Trie.empty(32);
  for (const { address, account, slots } of state.entries()) {
    const storage = Trie.empty(32);
    for (const { key, value } of slots) storage.put(keccak256(key), encodeRlp(trimLeadingZeros(value)));
    const fields = [fromNumber(account.nonce), fromNumber(account.balance), storage.root(), account.codeHash];
    accounts.put(keccak256(address), encodeRlp(fields));
  }
  return accounts.root();
}
