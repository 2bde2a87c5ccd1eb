import type { BlockReexecutor } from '../block-reexecutor.ts';
import type { Evidence } from './evidence.ts';
import type { JudgedChain, SignedMaterial } from './signed-material.ts';

/** What a piece of evidence proves to somebody who trusts the genesis file and nothing else. */
export interface Finding {
  readonly isProven: boolean;
  /** What is proven, or why it is not. */
  readonly statement: string;
}

export const proven = (statement: string): Finding => ({ isProven: true, statement });
export const notProven = (statement: string): Finding => ({ isProven: false, statement });

/** Everything that judging one piece of evidence takes. */
export interface Case {
  readonly evidence: Evidence;
  readonly material: SignedMaterial;
  readonly chain: JudgedChain;
  readonly reexecute: BlockReexecutor;
}
