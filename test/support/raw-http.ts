import { connect, type Socket } from 'node:net';

/** A TCP connection that says exactly what a test says. */
export class RawConnection {
  readonly socket: Socket;
  text = '';
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.text += String(chunk);
    });
    // A server that has had enough may reset the connection.
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  write(text: string | Buffer): this {
    this.socket.write(text);
    return this;
  }

  /** A POST of JSON; `headers` are whole lines. */
  post(body: string | Buffer, headers: readonly string[] = []): this {
    const lines = ['POST / HTTP/1.1', 'host: 127.0.0.1', 'content-type: application/json', ...headers];
    this.write(`${lines.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`);
    return this.write(body as string);
  }

  /** Resolves when what came matches. */
  until(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!pattern.test(this.text)) return;
        this.socket.off('data', look);
        resolve(this.text);
      };
      this.socket.on('data', look);
      this.socket.once('close', () => reject(new TypeError(`the server closed after: ${this.text}`)));
      look();
    });
  }
}
