import predeploys from '../../config/predeploys.json' with { type: 'json' };
import { EthereumJsEngine, type EthereumJsEngineOptions } from '../../src/execution/ethereumjs/engine.ts';
import type { BlockEnvironment } from '../../src/protocol/block-header.ts';
import type { StateEntry } from '../../src/protocol/ports/state.ts';
import { type Address, EMPTY_CODE_HASH, ZERO_HASH } from '../../src/protocol/primitives.ts';
import type { SlotDiff } from '../../src/protocol/state-diff.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { type Bytes, EMPTY_BYTES, fromHex } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import type { MapState } from './map-state.ts';
import { mapStateOf } from './map-state-of.ts';

export const CHAIN_ID = 1337;
export const COINBASE: Address = addressOf(0xc0);
export const SENDER: Address = addressOf(0x5e);
export const CONTRACT: Address = addressOf(0xcc);
export const ETHER = 10n ** 18n;

export const ENV: BlockEnvironment = {
  number: 7,
  parentHash: new Uint8Array(32).fill(6),
  timestamp: 1_700_000_000,
  baseFeePerGas: 1_000n,
  gasLimit: 30_000_000n,
  coinbase: COINBASE,
  prevRandao: new Uint8Array(32).fill(9),
};

/** An address of one repeated byte. */
export function addressOf(byte: number): Address {
  return new Uint8Array(20).fill(byte);
}

export interface Allocation {
  readonly address: Address;
  readonly balance?: bigint;
  readonly nonce?: bigint;
  readonly code?: Bytes;
  readonly slots?: readonly SlotDiff[];
}

/** Flat state with the sender (1000 ether), the system contracts and what is given. */
export function stateWith(...allocations: Allocation[]): MapState {
  const system = Object.values(predeploys).map((contract) => ({
    address: fromHex(contract.address.toLowerCase()),
    nonce: BigInt(contract.nonce),
    code: fromHex(contract.code),
  }));
  const all: Allocation[] = [{ address: SENDER, balance: 1_000n * ETHER }, ...system, ...allocations];
  const entries = all.map(({ address, balance, nonce, code, slots }): StateEntry => {
    const codeHash = code === undefined ? EMPTY_CODE_HASH : keccak256(code);
    return { address, account: { nonce: nonce ?? 0n, balance: balance ?? 0n, codeHash }, slots: slots ?? [] };
  });
  return mapStateOf(
    entries,
    all.flatMap(({ code }) => (code === undefined ? [] : [code])),
  );
}

export interface OpenEngine {
  readonly engine: EthereumJsEngine;
  readonly world: OverlayState;
}

/** An engine on an overlay of `state`, without open block. */
export function createEngine(state: MapState, options: Partial<EthereumJsEngineOptions> = {}): OpenEngine {
  const world = new OverlayState(state);
  const blockHash = (number: number) => new Uint8Array(32).fill(number);
  return { world, engine: new EthereumJsEngine({ chainId: CHAIN_ID, ...options }, { state: world, blockHash }) };
}

/** A type 2 transaction that was never signed: the engine is given its sender. */
export function transactionWith(fields: Partial<Transaction>): Transaction {
  return {
    type: 2,
    raw: EMPTY_BYTES,
    hash: ZERO_HASH,
    chainId: BigInt(CHAIN_ID),
    nonce: 0n,
    maxFeePerGas: 2_000n,
    maxPriorityFeePerGas: 10n,
    gasLimit: 1_000_000n,
    to: addressOf(0x70),
    value: 0n,
    data: EMPTY_BYTES,
    accessList: [],
    authorizationList: [],
    r: 1n,
    s: 1n,
    yParity: 0,
    v: 0n,
    signingHash: ZERO_HASH,
    signature: new Uint8Array(65),
    ...fields,
  };
}
