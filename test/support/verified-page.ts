import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { rolldown } from 'rolldown';
import type { Hex } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import type { VerifiedTransportOptions } from '../../src/verified/options.ts';
import { defined } from './defined.ts';

/** What a page reads. */
export interface PageTask {
  readonly options: VerifiedTransportOptions;
  readonly address: Hex;
  readonly token: Hex;
  readonly slot: Hex;
  readonly hash: Hex;
  readonly origin: string;
}

export interface PageReport {
  readonly balance: string;
  readonly nonce: number;
  readonly code: string;
  readonly slot: string;
  readonly receipt: { readonly status: string; readonly gasUsed: string; readonly logs: number };
  /** What became of a read from a node that lies. */
  readonly lie: string;
}

/** A page has this long, most of which a browser takes to start on a busy machine. */
const REPORT_TIMEOUT_MS = 60_000;

/** The installed Chromium; undefined: there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const paths = ['chromium', 'chromium-browser', 'google-chrome'].flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path));
}

/** Bundles as a web project does; fails when anything in it needs Node. */
async function bundlePage(): Promise<string> {
  const input = join(import.meta.dirname, '..', 'e2e', 'fixtures', 'verified-page.ts');
  const warnings: string[] = [];
  const bundle = await rolldown({ input, platform: 'browser', onLog: (_, { message }) => warnings.push(message) });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
  await bundle.close();
  const unresolved = warnings.filter((message) => /resolve|external/i.test(message));
  if (unresolved.length > 0) throw new StrobeError('PAGE_NOT_BUNDLED', unresolved.join('; '));
  return output[0].code;
}

/** Serves the page, its task, and a node behind `/rpc`, which lies about balances behind `/lying`; gets the report. */
class PageServer {
  readonly report: Promise<PageReport>;
  readonly #script: string;
  readonly #task: Omit<PageTask, 'origin'>;
  readonly #rpcUrl: string;
  readonly #server: Server;
  readonly #reported = Promise.withResolvers<PageReport>();

  constructor(script: string, task: Omit<PageTask, 'origin'>, rpcUrl: string) {
    this.#script = script;
    this.#task = task;
    this.#rpcUrl = rpcUrl;
    this.report = this.#reported.promise;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#reported.reject(error));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const send = (type: string, body: string): void => {
      response.writeHead(200, { 'content-type': type }).end(body);
    };
    switch (request.url) {
      case '/':
        return send('text/html', '<!doctype html><meta charset="utf-8"><script type="module" src="/page.js"></script>');
      case '/page.js':
        return send('text/javascript', this.#script);
      case '/task':
        return send('application/json', JSON.stringify(this.#task));
      case '/rpc':
      case '/lying':
        return send('application/json', await this.#forward(await text(request), request.url === '/lying'));
      case '/report':
        this.#reported.resolve(JSON.parse(await text(request)) as PageReport);
        return send('text/plain', '');
      default:
        response.writeHead(404).end();
    }
  }

  async #forward(body: string, lies: boolean): Promise<string> {
    const answer = await fetch(this.#rpcUrl, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const json = await answer.text();
    return lies ? json.replace(/"balance":"0x\w+"/, '"balance":"0x1"') : json;
  }
}

/** Opens the page in a headless browser and resolves with what it reports. */
export async function runVerifiedPage(chromium: string, task: Omit<PageTask, 'origin'>, rpcUrl: string): Promise<PageReport> {
  const server = new PageServer(await bundlePage(), task, rpcUrl);
  const origin = await server.listen();
  const profile = mkdtempSync(join(tmpdir(), 'strobe-chromium-'));
  // Root cannot have the sandbox; the page is ours. Nothing but the page's server is to be reached.
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--no-proxy-server'];
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-extensions', '--disable-sync'];
  const arguments_ = [...flags, ...quiet, `--user-data-dir=${profile}`, origin];
  // A group of its own: the browser's helpers end with it.
  const browser = spawn(chromium, arguments_, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  browser.stderr.on('data', (chunk) => {
    output = (output + String(chunk)).slice(-4_000);
  });
  const exited = once(browser, 'close');
  const { promise, resolve, reject } = Promise.withResolvers<PageReport>();
  server.report.then(resolve, reject);
  browser.once('error', reject);
  browser.once('close', () => reject(new StrobeError('BROWSER_EXITED', output)));
  const late = AbortSignal.timeout(REPORT_TIMEOUT_MS);
  late.addEventListener('abort', () => reject(new StrobeError('PAGE_NOT_REPORTED', output)), { once: true });
  try {
    return await promise;
  } finally {
    if (browser.exitCode === null) process.kill(-defined(browser.pid), 'SIGKILL');
    await exited;
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
