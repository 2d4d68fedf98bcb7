import { hash } from 'node:crypto';

type Part = string | number | boolean | undefined;

/** Returns the event id, 32 hex digits. It is a function of the fact and its object, so a repeated report has the same id. */
export function eventIdFor(kind: string, event: string, identity: readonly Part[]): string {
  return digest(['event', kind, event, ...identity]).slice(0, 32);
}

/**
 * Returns the W3C `traceparent` of an event: the trace is that of the operation on the object with `uid`, the span that of the event.
 * Without an operation the trace is that of the object.
 */
export function traceparentFor(uid: string, operation: { id: string } | undefined, eventId: string): string {
  const trace = digest(['trace', uid, operation?.id]).slice(0, 32);
  const span = digest(['span', eventId]).slice(0, 16);
  return `00-${trace}-${span}-01`;
}

// JSON keeps ['a', 'bc'] and ['ab', 'c'] apart; undefined and null read the same, which is fine: no part is ever null.
function digest(parts: readonly Part[]): string {
  return hash('sha256', JSON.stringify(parts), 'hex');
}
