/** An id as the request wrote it, where a JavaScript number would come out as another one (above 2^53, long fractions). */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand as `id`; a boolean, an object or an array may not. */
export type RequestId = string | number | ExactNumber | null;

export interface RequestObject {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly [name: string]: unknown;
}

/** Where a message stopped to be JSON, or why it is not looked at. */
export class MessageFault {
  readonly problem: string;

  constructor(problem: string) {
    this.problem = problem;
  }
}

/**
 * Reads a message: a request, a batch, or anything else that is JSON. Of members that are there twice the last one counts,
 * as in Go's decoder, and `__proto__` is a name like any other.
 */
export function parseMessage(text: string, maxDepth: number): unknown {
  // Before the parser, which takes its time and sixty bytes a bracket.
  if (isDeeperThan(maxDepth, text)) return new MessageFault(`parse error: nested deeper than ${maxDepth} levels`);
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return new MessageFault('parse error');
  }
  const requests: unknown[] = Array.isArray(message) ? message : [message];
  if (requests.some(hasInexactId)) keepExactIds(requests, text);
  return message;
}

export function isRequestObject(value: unknown): value is RequestObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || value === null || value instanceof ExactNumber || Number.isSafeInteger(value);
}

export function encodeId(id: RequestId): string {
  if (id instanceof ExactNumber) return id.text;
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
}

function hasInexactId(request: unknown): boolean {
  return isRequestObject(request) && typeof request.id === 'number' && !Number.isSafeInteger(request.id);
}

/** The answer has to carry the id that was sent (specification, section 5), so it is taken from the text. */
function keepExactIds(requests: unknown[], text: string): void {
  const withText = JSON.parse(text, (key, value: unknown, context?: { readonly source?: string }) =>
    key === 'id' && typeof value === 'number' ? new ExactNumber(context?.source ?? String(value)) : value,
  ) as unknown;
  for (const [at, exact] of (Array.isArray(withText) ? withText : [withText]).entries()) {
    const request = requests[at];
    if (hasInexactId(request)) requests[at] = Object.assign(request as object, { id: (exact as RequestObject).id });
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{` differ in this bit alone, `]` and `}` too, and no other ASCII characters become one of them without it. */
const CURLY_BIT = 0x20;
const OPENING = 0x5b;
const CLOSING = 0x5d;

function isDeeperThan(maxDepth: number, text: string): boolean {
  // As many brackets there must be at least.
  if (text.length <= maxDepth) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code < OPENING) continue;
    else if ((code & ~CURLY_BIT) === OPENING && ++depth > maxDepth) return true;
    else if ((code & ~CURLY_BIT) === CLOSING) depth--;
  }
  return false;
}

/** Position of the quote that ends the string, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at;
  }
  return text.length;
}
