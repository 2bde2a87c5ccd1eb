import { expect, test } from 'vitest';
import { packTransactions, unpackTransactions } from '../../../src/node/transaction-pack.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { defined } from '../../support/defined.ts';

test('transactions are the same after they travelled in one piece', async () => {
  const builder = new ChainBuilder();
  const transactions = [0, 1, 0].map((from, index) => {
    const { decoded, body } = builder.miniBlock([builder.transfer(from, BigInt(index))]);
    return { transaction: defined(defined(decoded)[0]), sender: defined(body.transactions[0]).sender };
  });
  expect(unpackTransactions(await packTransactions(transactions))).toEqual(transactions);
  expect(unpackTransactions(await packTransactions([]))).toEqual([]);
});
