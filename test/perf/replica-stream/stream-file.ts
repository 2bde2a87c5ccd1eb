import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { GenesisFile } from '../../../src/protocol/genesis.ts';
import { decodeSequencerMessage, recordNumber } from '../../../src/protocol/log-record.ts';
import { type Bytes, type Hex, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';

/** A message of the stream, in the order of the log. */
export interface StreamRecord {
  readonly kind: 'epochStart' | 'miniBlock' | 'blockSeal';
  /** Mini-block that it is or stands behind. */
  readonly number: number;
  /** Of a mini-block. */
  readonly digest: Hex | undefined;
  /** In the file. */
  readonly offset: number;
  readonly length: number;
}

/** Everything about a stream but its messages. */
export interface StreamIndex {
  /** The options that it was made with, to tell it from others. */
  readonly flags: readonly string[];
  readonly genesis: GenesisFile;
  readonly records: readonly StreamRecord[];
  /** Mini-blocks up to this one make the holders; the measured ones follow. */
  readonly lastSetUp: number;
  readonly lastMiniBlock: number;
  readonly transactions: number;
  /** Of the measured mini-blocks. */
  readonly diffBytes: number;
  readonly messageBytes: number;
}

const MESSAGES = 'messages.bin';
const INDEX = 'index.json';

/** Writes the messages of a stream one behind the other, over what an earlier stream left. */
export class StreamWriter {
  readonly #folder: string;
  readonly #file: number;
  readonly #records: StreamRecord[] = [];
  #end = 0;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    rmSync(join(folder, INDEX), { force: true });
    this.#folder = folder;
    this.#file = openSync(join(folder, MESSAGES), 'w');
  }

  add(bytes: Bytes): void {
    const message = decodeSequencerMessage(bytes);
    if (message.kind === 'heartbeat') throw new StrobeError('UNKNOWN_MESSAGE', 'a stream keeps no heartbeats');
    writeSync(this.#file, bytes);
    const digest = message.kind === 'miniBlock' ? toHex(message.miniBlock.digest) : undefined;
    const place = { offset: this.#end, length: bytes.length };
    this.#records.push({ kind: message.kind, number: recordNumber(message), digest, ...place });
    this.#end += bytes.length;
  }

  /** The index goes last: without it the folder holds no stream. */
  finish(rest: Omit<StreamIndex, 'records'>): void {
    closeSync(this.#file);
    const index: StreamIndex = { ...rest, records: this.#records };
    writeFileSync(join(this.#folder, INDEX), JSON.stringify(index));
  }
}

/** Reads messages of a stream as they are needed: a minute of them may not fit into memory. */
export class StreamReader {
  readonly index: StreamIndex;
  readonly #file: number;

  /** @throws StrobeError NO_STREAM when there is none that was made with `flags` */
  constructor(folder: string, flags: readonly string[]) {
    this.index = readIndex(folder);
    if (this.index.flags.join(' ') !== flags.join(' ')) {
      throw new StrobeError('NO_STREAM', `${folder} holds another stream: ${this.index.flags.join(' ')}`);
    }
    this.#file = openSync(join(folder, MESSAGES), 'r');
  }

  /** A fresh array: who publishes it gives it away. */
  read({ offset, length }: StreamRecord): Bytes {
    const bytes = new Uint8Array(length);
    readSync(this.#file, bytes, 0, length, offset);
    return bytes;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function readIndex(folder: string): StreamIndex {
  try {
    return JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) as StreamIndex;
  } catch (cause) {
    throw new StrobeError('NO_STREAM', `${folder} holds no stream`, {}, { cause });
  }
}
