import { connect, type Socket } from 'node:net';
import { StrobeError } from '../../../src/util/errors.ts';

/** A server that says nothing for so long will not answer any more. */
const SILENCE_MS = 30_000;
const HEAD_END = Buffer.from('\r\n\r\n');

interface Waiting {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: StrobeError) => void;
}

/** A POST of a JSON body to `/`, ready to be written to an {@link HttpConnection}. */
export function encodePost(host: string, body: string): Buffer {
  const head = [
    `POST / HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/**
 * One keep-alive connection with one request at a time. `node:http` costs 100 µs of processor a request, several times what
 * a server spends on a read: the client would be what is measured.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes of the whole answer, once its head is there. */
  #expected: number | undefined;
  #bodyStart = 0;
  #waiting: Waiting | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(SILENCE_MS, () => this.#fail('no answer in 30 s'));
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('error', (error) => this.#fail(error.message));
    socket.on('close', () => this.#fail('the server closed the connection'));
  }

  static open(host: string, port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket));
      });
    });
  }

  /**
   * Sends what {@link encodePost} made and gives the body of the answer.
   * @throws StrobeError BENCH_HTTP for anything but 200 with a content-length
   */
  post(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#expected === undefined) this.#readHead();
    if (this.#expected === undefined || this.#size < this.#expected) return;
    const body = this.#joined().subarray(this.#bodyStart, this.#expected);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#chunks = [];
    this.#size = 0;
    this.#expected = undefined;
    waiting?.resolve(body);
  }

  #readHead(): void {
    const received = this.#joined();
    const headEnd = received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (!head.startsWith('HTTP/1.1 200') || length === undefined) {
      this.#fail(`expected 200 with a content-length: ${head.slice(0, 200)}`);
      return;
    }
    this.#bodyStart = headEnd + HEAD_END.length;
    this.#expected = this.#bodyStart + Number(length);
  }

  #joined(): Buffer {
    const [only] = this.#chunks;
    if (only !== undefined && this.#chunks.length === 1) return only;
    const all = Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [all];
    return all;
  }

  #fail(message: string): void {
    this.#waiting?.reject(new StrobeError('BENCH_HTTP', message));
    this.close();
  }
}
