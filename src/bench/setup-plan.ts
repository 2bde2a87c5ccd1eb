import { encodeDeployData, encodeFunctionData, getContractAddress } from 'viem';
import { type Bytes, EMPTY_BYTES, fromHex, toHex } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { type ContractName, contractArtifact } from './artifacts.ts';
import type { BenchAccount } from './bench-accounts.ts';

/** A transaction before nonce and fees; `to` is null for a deployment. */
export type Call = { to: Bytes | null; value: bigint; data: Bytes; gasLimit: bigint };
export type SetupCall = { sender: number; label: string; call: Call };

/**
 * Room for the largest contract, the Router (4.9M), below every block gas limit. Fixed limits, not estimates: later
 * steps would have to wait for earlier ones to be included before they could be estimated.
 */
const DEPLOY_GAS = 6_000_000n;
const CALL_GAS = 150_000n;
/** Creates the pair: a deployment inside a call. */
export const ADD_LIQUIDITY_GAS = 4_000_000n;
/** What account 0 may spend on gas in a whole set-up besides the calls it makes for each account. */
export const SETUP_GAS = 6n * DEPLOY_GAS + ADD_LIQUIDITY_GAS;
/** Calls of account 0 for each other account, and of each account for itself, at most. */
export const SETUP_CALLS_GAS_PER_ACCOUNT = 6n * CALL_GAS;

/**
 * Collects what must be on the chain before a workload starts, in two phases: `owner` runs in the order of account 0's
 * nonces, so addresses are known in advance; `everyone` starts when all of that is included (an approval of a token
 * that is not there yet would succeed and do nothing).
 */
export class SetupPlan {
  readonly owner: SetupCall[] = [];
  readonly everyone: SetupCall[] = [];
  readonly accounts: readonly BenchAccount[];

  constructor(accounts: readonly BenchAccount[]) {
    this.accounts = accounts;
  }

  addressOf(index: number): Bytes {
    const account = this.accounts[index];
    invariant(account, 'the account index is in range');
    return account.address;
  }

  pay(index: number, amountWei: bigint): void {
    const call = { to: this.addressOf(index), value: amountWei, data: EMPTY_BYTES, gasLimit: 21_000n };
    this.owner.push({ sender: 0, label: `fund account ${index}`, call });
  }

  /** @returns the address the contract will have */
  deploy(contract: ContractName, args: readonly unknown[] = []): Bytes {
    const { abi, bytecode } = contractArtifact(contract);
    const data = encodeDeployData({ abi, bytecode, args });
    const nonce = BigInt((this.accounts[0] as BenchAccount).nonce + this.owner.length);
    this.owner.push({
      sender: 0,
      label: `deploy ${contract}`,
      call: { to: null, value: 0n, data: fromHex(data), gasLimit: DEPLOY_GAS },
    });
    return fromHex(getContractAddress({ from: toHex(this.addressOf(0)), nonce }));
  }

  ownerCall(contract: ContractName, to: Bytes, functionName: string, args: readonly unknown[], gasLimit = CALL_GAS): void {
    const data = encodeCall(contract, functionName, args);
    this.owner.push({ sender: 0, label: `${contract}.${functionName}`, call: { to, value: 0n, data, gasLimit } });
  }

  callFromEveryone(contract: ContractName, to: Bytes, functionName: string, args: readonly unknown[]): void {
    const data = encodeCall(contract, functionName, args);
    for (let sender = 1; sender < this.accounts.length; sender++) {
      const call = { to, value: 0n, data, gasLimit: CALL_GAS };
      this.everyone.push({ sender, label: `${contract}.${functionName} of account ${sender}`, call });
    }
  }
}

export function encodeCall(contract: ContractName, functionName: string, args: readonly unknown[]): Bytes {
  return fromHex(encodeFunctionData({ abi: contractArtifact(contract).abi, functionName, args }));
}
