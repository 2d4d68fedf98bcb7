import pino from 'pino';

/** Writes JSON lines, with fields before the message: `logger.info({ key }, 'synced')`. */
export type Logger = pino.Logger;

/** The levels, from the most detailed to none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on stdout: level as a word, RFC 3339 time, `app`, errors with their causes under `err`. */
export function createLogger({ app, level = 'info' }: { app: string; level?: LogLevel }): Logger {
  return pino({
    level,
    base: { app },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.errWithCause, error: pino.stdSerializers.errWithCause },
  });
}
