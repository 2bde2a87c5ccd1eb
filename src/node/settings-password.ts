import { readFile } from 'node:fs/promises';
import { type LoadedKey, loadKey } from '../crypto/keystore-files.ts';
import { Secret } from '../crypto/secret.ts';
import { errorMessage } from '../util/errors.ts';
import { configError } from './config-error.ts';
import { promptHidden } from './settings-prompt.ts';

export interface PasswordSettings {
  passwordFile?: string | undefined;
  password?: Secret | undefined;
}

/**
 * The password of a keystore: from the file, the environment, or typed at the terminal.
 * @throws StrobeError INVALID_CONFIG when there is none, or both are given
 */
export async function resolvePassword(settings: PasswordSettings, question: string): Promise<Secret> {
  if (settings.passwordFile !== undefined && settings.password !== undefined) {
    throw configError(['--password-file and STROBE_PASSWORD are both given: choose one']);
  }
  if (settings.passwordFile !== undefined) return readPasswordFile(settings.passwordFile);
  if (settings.password !== undefined) return settings.password;
  if (process.stdin.isTTY === true) return promptHidden(question);
  throw configError(['a password is needed: give --password-file or STROBE_PASSWORD, or run on a terminal to be asked']);
}

async function readPasswordFile(file: string): Promise<Secret> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw configError([`password file ${file} cannot be read: ${errorMessage(cause)}`], cause);
  });
  // Editors end a file with a newline that nobody means as part of the password.
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw configError([`password file ${file} is empty`]);
  return new Secret(password);
}

/** Opens the key a role signs with. */
export async function loadNodeKey(settings: PasswordSettings & { keystore: string }): Promise<LoadedKey> {
  const password = await resolvePassword(settings, `Password of ${settings.keystore}: `);
  return loadKey({ keystore: settings.keystore, password });
}
