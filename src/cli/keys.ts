import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { Command } from 'commander';
import * as z from 'zod';
import { decryptKey, LIGHT_SCRYPT_N, parseKeystore, randomPrivateKey, STANDARD_SCRYPT_N } from '../crypto/keystore.ts';
import { listKeys, saveKey } from '../crypto/keystore-files.ts';
import { Secret } from '../crypto/secret.ts';
import { configError } from '../node/config-error.ts';
import type { Declaration, SettingsOf } from '../node/config-setting.ts';
import { resolvePassword } from '../node/settings-password.ts';
import { promptHidden } from '../node/settings-prompt.ts';
import { type Bytes, fromHex } from '../util/bytes.ts';
import { errorMessage } from '../util/errors.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

const folderSettings = {
  keysDir: { schema: z.string().min(1).default('./data/keys'), path: true, help: 'folder of the keystores' },
} satisfies Declaration;

const writeSettings = {
  ...folderSettings,
  name: {
    schema: z
      .string()
      .regex(/^[\w-]{1,64}$/, 'expected letters, digits, - and _')
      .optional(),
    help: 'file name without .json; the address unless given',
  },
  light: { schema: z.boolean().default(false), help: 'a quick key derivation, for keys that guard nothing' },
  passwordFile: { schema: z.string().min(1).optional(), path: true, help: 'file with the password' },
  password: {
    schema: z
      .string()
      .min(1)
      .transform((text) => new Secret(text))
      .optional(),
    flag: false,
    help: 'the password',
  },
} satisfies Declaration;

type WriteSettings = SettingsOf<typeof writeSettings>;

/** A private key as people store it: 64 hex digits, with or without 0x. */
const PRIVATE_KEY_PATTERN = /^(?:0x)?([0-9a-fA-F]{64})$/;

export function keysCommand(io: CliIo): Command {
  return new Command('keys')
    .description('Make, import and list keystores (Web3 Secret Storage, version 3)')
    .addCommand(newCommand(io))
    .addCommand(importCommand(io))
    .addCommand(listCommand(io));
}

function newCommand(io: CliIo): Command {
  const command = new Command('new').description('Make a key from fresh randomness and print its address');
  return addSettings(command, writeSettings).action(async () => {
    await writeKey(randomPrivateKey(), settingsOf(command, writeSettings, io.env), io);
  });
}

function importCommand(io: CliIo): Command {
  const command = new Command('import')
    .description('Import a private key or another V3 keystore (same password) and print its address')
    .argument('[file]', 'file with 64 hex digits or a V3 keystore, - for standard input; asked at the terminal when left out');
  return addSettings(command, writeSettings).action(async (file: string | undefined) => {
    const settings = settingsOf(command, writeSettings, io.env);
    const content = (await readKeyText(file)).trim();
    const hex = PRIVATE_KEY_PATTERN.exec(content)?.[1];
    if (hex !== undefined) return writeKey(fromHex(`0x${hex}`), settings, io);
    if (!content.startsWith('{'))
      throw configError([`${file ?? 'input'}: neither a private key of 64 hex digits nor a V3 keystore`]);
    const password = await resolvePassword(settings, 'Password: ');
    const privateKey = await decryptKey(parseKeystore(content), password);
    return writeKey(privateKey, { ...settings, passwordFile: undefined, password }, io);
  });
}

function listCommand(io: CliIo): Command {
  const command = new Command('list').description('List the keystores of a folder: address and file');
  return addSettings(command, folderSettings).action(async () => {
    const { keysDir } = settingsOf(command, folderSettings, io.env);
    const entries = await listKeys(keysDir);
    if (entries.length === 0) io.warn(`no keystores in ${keysDir}\n`);
    for (const { address, file } of entries) io.write(`${address}  ${file}\n`);
  });
}

async function writeKey(privateKey: Bytes, settings: WriteSettings, io: CliIo): Promise<void> {
  const password = await newPassword(settings);
  const scryptN = settings.light ? LIGHT_SCRYPT_N : STANDARD_SCRYPT_N;
  const naming = settings.name === undefined ? {} : { name: settings.name };
  const { address, file } = await saveKey({ folder: settings.keysDir, privateKey, password, scryptN, ...naming });
  io.write(`${address}  ${file}\n`);
}

/** A password that is typed is typed twice: nobody can look it up afterwards. */
async function newPassword(settings: WriteSettings): Promise<Secret> {
  const password = await resolvePassword(settings, 'New password: ');
  const wasTyped = settings.passwordFile === undefined && settings.password === undefined;
  if (wasTyped && (await promptHidden('Again: ')).reveal() !== password.reveal()) throw configError(['the two passwords differ']);
  return password;
}

async function readKeyText(file: string | undefined): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  if (file !== undefined) {
    return readFile(file, 'utf8').catch((cause: unknown) => {
      throw configError([`${file} cannot be read: ${errorMessage(cause)}`], cause);
    });
  }
  if (process.stdin.isTTY !== true) throw configError(['give a file, or - for standard input']);
  return (await promptHidden('Private key: ')).reveal();
}
