import { styleText } from 'node:util';

type Entry = { level: string; time?: string; msg?: string; err?: { stack?: string; message?: string } };

/** Fields that are shown first, or that are the same on every line of one process. */
const NOT_A_FIELD = new Set(['level', 'time', 'msg', 'err', 'app']);

/**
 * Formats a line of an operator's JSON log for a reader: time, level, message, fields, and below them the stack of an error. A line that
 * is not a log entry stays as it is.
 */
export function prettyLine(line: string): string {
  const entry = entryIn(line);
  if (!entry) return line;
  const { level, time = '', msg = '', err } = entry;
  const fields = Object.entries(entry)
    .filter(([name]) => !NOT_A_FIELD.has(name))
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const clock = time.slice('2026-01-01T'.length, -'Z'.length);
  const head = painted(level, `${clock} ${level.toUpperCase().padEnd(5)} ${msg}`);
  const tail = fields.length > 0 ? ` ${styleText('gray', fields.join(' '))}` : '';
  const trace = err ? `\n${err.stack ?? err.message}` : '';
  return `${head}${tail}${trace}`;
}

function entryIn(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line);
    return typeof entry.level === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}

function painted(level: string, text: string): string {
  if (level === 'error' || level === 'fatal') return styleText('red', text);
  return level === 'warn' ? styleText('yellow', text) : text;
}
