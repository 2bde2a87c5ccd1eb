import { expect, test } from 'vitest';
import {
  assertResumeOrder,
  formatResumeOrder,
  parseResumeOrder,
  type ResumeOrder,
  resumeOrderDigest,
} from '../../../src/protocol/resume-order.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';
import { testSigner } from '../../support/test-accounts.ts';

const operator = testSigner('operator');
const genesisHash = new Uint8Array(32).fill(1);
const unsigned = { genesisHash, haltDigest: new Uint8Array(32).fill(2), reinstated: [testSigner('prover').address] };
const order: ResumeOrder = { ...unsigned, signature: operator.sign(resumeOrderDigest(unsigned)) };
const genesis = { operatorKey: operator.address };

test('an order survives its file', () => {
  expect(parseResumeOrder(formatResumeOrder(order))).toEqual(order);
  assertResumeOrder(order, genesisHash, genesis);
});

test.each<[string, Partial<ResumeOrder>]>([
  ['UNKNOWN_SIGNER', { haltDigest: new Uint8Array(32).fill(3) }],
  ['UNKNOWN_SIGNER', { reinstated: [] }],
  ['UNKNOWN_SIGNER', { signature: testSigner('somebody').sign(resumeOrderDigest(unsigned)) }],
  ['INVALID_SIGNATURE', { signature: new Uint8Array(65) }],
  ['WRONG_CHAIN', { genesisHash: new Uint8Array(32) }],
])('%s: %o', (code, changes) => {
  expect(strobeCodeOf(() => assertResumeOrder({ ...order, ...changes }, genesisHash, genesis))).toBe(code);
});

test.each([
  '',
  '{}',
  '[]',
  'null',
  formatResumeOrder(order).replace('resume/1', 'resume/2'),
  formatResumeOrder(order).replace('0x01', '0x1'),
])('what is no order is refused: %j', (text) => {
  expect(strobeCodeOf(() => parseResumeOrder(text))).toBe('INVALID_RESUME_ORDER');
});
