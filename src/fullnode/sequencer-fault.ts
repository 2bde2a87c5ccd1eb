import { type ErrorMeta, isStrobeError, StrobeError } from '../util/errors.ts';

/**
 * What the sequencer's own signature proves it did wrong. Each of these halts a replica (PROTOCOL section 7); the code
 * shows in its status, metrics and evidence.
 */
export type FaultRule =
  | 'EQUIVOCATION'
  | 'WRONG_PARENT'
  | 'WRONG_TIMESTAMP'
  | 'WRONG_POSITION'
  | 'WRONG_ENVIRONMENT'
  | 'WRONG_CONTENTS'
  | 'WRONG_STATE_DIFF'
  | 'WRONG_SEAL'
  | 'WRONG_STATE_ROOT'
  | 'WRONG_EXECUTION'
  | 'EPOCH_BELOW_SAFE'
  | 'UNDECODABLE';

export interface SequencerFault extends StrobeError<'SEQUENCER_FAULT'> {
  readonly meta: ErrorMeta & { readonly rule: FaultRule };
}

export function sequencerFault(rule: FaultRule, message: string, meta: ErrorMeta = {}): StrobeError<'SEQUENCER_FAULT'> {
  return new StrobeError('SEQUENCER_FAULT', message, { ...meta, rule });
}

export function isSequencerFault(error: unknown): error is SequencerFault {
  return isStrobeError(error, 'SEQUENCER_FAULT');
}
