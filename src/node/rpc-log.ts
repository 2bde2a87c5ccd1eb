import { Writable } from 'node:stream';
import { createLogger, type Logger, type LogLevel } from '../observability/logger.ts';

/** A logger whose lines another thread writes, see {@link writeRelayed}. */
export function relayLogger(level: LogLevel, relay: (line: string) => Promise<void>): Logger {
  const destination = new Writable({
    decodeStrings: false,
    write: (line: string, _encoding, done) => {
      // Lines that a dying thread could not pass on are lost with it; that it died is logged by the other end.
      relay(line).catch(() => undefined);
      done();
    },
  });
  return createLogger({ level, format: 'json', destination });
}

/** Writes a line of {@link relayLogger} as a line of this logger. */
export function writeRelayed(logger: Logger, line: string): void {
  const { level, time: _, msg, ...fields } = JSON.parse(line) as { level: LogLevel; time: string; msg?: string };
  if (level !== 'silent') logger[level](fields, msg ?? '');
}
