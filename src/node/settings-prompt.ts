import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Secret } from '../crypto/secret.ts';
import { StrobeError } from '../util/errors.ts';

/**
 * Asks at the terminal without echoing what is typed. The question goes to standard error, so that standard output
 * stays clean for results.
 * @throws StrobeError PROMPT_CANCELLED on Ctrl-C or Ctrl-D
 */
export async function promptHidden(question: string): Promise<Secret> {
  process.stderr.write(question);
  // readline echoes to its output: one that swallows everything is what hides the password.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return new Secret(await readLine(reader));
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

function readLine(reader: ReturnType<typeof createInterface>): Promise<string> {
  return new Promise((resolve, reject) => {
    reader.once('line', resolve);
    reader.once('close', () => reject(new StrobeError('PROMPT_CANCELLED', 'no password was typed')));
    reader.once('SIGINT', () => reader.close());
  });
}
