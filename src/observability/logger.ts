import pino from 'pino';
import pretty from 'pino-pretty';

/** A structured logger; `logger.child({ component })` makes the one a component writes to. */
export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto` is pretty when standard output is a terminal and JSON lines otherwise. */
export const LOG_FORMATS = ['auto', 'pretty', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LoggerOptions {
  level: LogLevel;
  format: LogFormat;
  /** Fields on every line, such as the role. */
  bindings?: Record<string, string>;
  /** Where lines go; standard output unless a test captures them. */
  destination?: NodeJS.WritableStream;
}

/** Lines that a stuck reader of our standard output may hold back; beyond it lines are dropped, never memory. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Fields of a JSON line that people need not see as fields: the message or a prefix already says them. */
const HIDDEN_FIELDS = 'pid,hostname,role,component';

/**
 * Secrets in settings redact themselves; this is the second line of defence for objects that come from elsewhere.
 * Paths are pino's: one level deep and at the top.
 */
const REDACTED_PATHS = ['password', 'privateKey', 'secret', '*.password', '*.privateKey', '*.secret'];

/** The children of a root logger: each has a level of its own. */
const childrenOf = new WeakMap<pino.Logger, Set<WeakRef<pino.Logger>>>();

/** Creates the root logger of a process. */
export function createLogger(options: LoggerOptions): pino.Logger {
  const children = new Set<WeakRef<pino.Logger>>();
  const logger = pino(
    {
      onChild: (child) => children.add(new WeakRef(child)),
      level: options.level,
      base: options.bindings ?? {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
    },
    destinationFor(options),
  );
  childrenOf.set(logger, children);
  return logger;
}

/** Changes the level of a root logger and of all that came from it. */
export function setLogLevel(logger: pino.Logger, level: LogLevel): void {
  logger.level = level;
  const children = childrenOf.get(logger) ?? new Set();
  for (const reference of children) {
    const child = reference.deref();
    if (child === undefined) children.delete(reference);
    else child.level = level;
  }
}

function destinationFor(options: LoggerOptions): pino.DestinationStream {
  if (isPretty(options.format)) return pretty({ ...PRETTY_OPTIONS, destination: options.destination ?? 1, sync: true });
  // Asynchronous, so that a slow reader of the log never stops the caller. With a least length of 0 flush() waits for
  // nothing, and a line that is being written when the process exits is lost.
  return options.destination ?? pino.destination({ dest: 1, sync: false, minLength: 1, maxLength: MAX_BUFFERED_BYTES });
}

/** Whether `format` means pretty lines on this process's standard output. */
export function isPretty(format: LogFormat): boolean {
  return format === 'pretty' || (format === 'auto' && process.stdout.isTTY === true);
}

/** How a line looks to people; the devnet supervisor prints its children's lines with the same options. */
export const PRETTY_OPTIONS: pretty.PrettyOptions = {
  colorize: process.stdout.isTTY === true,
  translateTime: 'SYS:HH:MM:ss.l',
  ignore: HIDDEN_FIELDS,
  messageFormat: '{if component}[{component}] {end}{msg}',
  singleLine: true,
};
