import type { Abi } from 'viem';
import type { Hex } from '../util/bytes.ts';
import artifacts from './artifacts.json' with { type: 'json' };

export type ContractName = keyof typeof artifacts;

/** ABI (the part the bench uses) and creation bytecode; `scripts/build-contracts.ts` writes the file. */
export function contractArtifact(name: ContractName): { abi: Abi; bytecode: Hex } {
  const { abi, bytecode } = artifacts[name];
  return { abi: abi as Abi, bytecode: bytecode as Hex };
}
