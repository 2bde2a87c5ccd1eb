import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/crypto/secret.ts';

test('no way of printing a secret shows it', () => {
  const holder = { password: new Secret('hunter2') };
  const printed = [
    `${holder.password}`,
    JSON.stringify(holder),
    inspect(holder, { depth: 5, showHidden: true }),
    String(holder.password),
    `${Object.values(holder)}`,
  ];
  for (const text of printed) {
    expect(text).toContain('[redacted]');
    expect(text).not.toContain('hunter2');
  }
  expect(holder.password.reveal()).toBe('hunter2');
});
