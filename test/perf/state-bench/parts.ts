/**
 * What each part does, step by step. Every step runs in a process of its own, so that neither its memory nor its
 * compiled code are those of the one before; the steps of a part share a directory.
 */
export const PARTS = {
  wire: ['wire'],
  apply: ['prepareApply', 'apply'],
  root: ['prepareRoot', 'root'],
  memory: ['prepareState', 'memory'],
  log: ['log'],
  recovery: ['prepareChain', 'recovery'],
} as const;

export type PartName = keyof typeof PARTS;
export type StepName = (typeof PARTS)[PartName][number];

export const PART_NAMES = Object.keys(PARTS) as PartName[];

export function isPartName(name: string): name is PartName {
  return Object.hasOwn(PARTS, name);
}
