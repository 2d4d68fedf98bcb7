import { hash } from 'node:crypto';

type Part = string | number | boolean | undefined;

/** Event id: 32 hex digits, a function of what happened to whom, so the same when it is reported again. */
export function eventIdFor(kind: string, event: string, identity: readonly Part[]): string {
  return digest(['event', kind, event, ...identity]).slice(0, 32);
}

/**
 * W3C `traceparent` of an event: the trace is that of the operation on the object with `uid`, the span that of the event.
 * Without an operation the object itself is the trace.
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
