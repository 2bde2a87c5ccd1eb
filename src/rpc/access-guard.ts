import { isIP } from 'node:net';

export interface AccessOptions {
  /** The host the server is bound to. */
  readonly boundHost: string;
  /** Host names beside localhost, the bound host and IP addresses; `*` allows every name. */
  readonly allowedHosts: readonly string[];
  /** Origins of web pages beside those on the machine itself, as `https://app.example`; `*` allows every origin. */
  readonly allowedOrigins: readonly string[];
}

const LOCAL_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Which web pages may talk to the node. The Host check stops DNS rebinding: a page that had its own name resolve to this
 * machine still sends that name; an IP address cannot be rebound. The Origin check is the browser's CORS rule, and for
 * WebSockets, where browsers have none, ours.
 */
export class AccessGuard {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  /** The Host header that was allowed last: clients send the same one each time, and parsing it costs as much as a balance. */
  #allowedHost: string | undefined;

  constructor(options: AccessOptions) {
    this.#hosts = new Set([...LOCAL_NAMES, options.boundHost, ...options.allowedHosts].map((name) => name.toLowerCase()));
    this.#origins = new Set(options.allowedOrigins);
  }

  /** `header` is the Host header; browsers always send one. */
  allowsHost(header: string | undefined): boolean {
    if (header === undefined || header === this.#allowedHost || this.#hosts.has('*')) return true;
    const name = hostName(`http://${header}`);
    const isAllowed = name !== undefined && (isAddress(name) || this.#hosts.has(name));
    if (isAllowed) this.#allowedHost = header;
    return isAllowed;
  }

  /** `origin` is the Origin header; programs send none. */
  allowsOrigin(origin: string | undefined): boolean {
    if (origin === undefined || this.#origins.has('*') || this.#origins.has(origin)) return true;
    const name = hostName(origin);
    return name !== undefined && LOCAL_NAMES.includes(name);
  }
}

function hostName(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.toLowerCase() : undefined;
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0;
}
