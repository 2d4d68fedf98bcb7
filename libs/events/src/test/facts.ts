import { podEvent } from '../events.ts';
import type { DropReason, EventLogger } from '../options.ts';

/** A permitted operation on Pod `web-<index>`: a valid event, different for each index. */
export function permitted(index: number) {
  const metadata = { namespace: 'shop', name: `web-${index}`, uid: `uid-${index}` };
  return podEvent(
    'operation.permitted',
    { metadata },
    {
      operation: { id: 'collaset', type: 'collaset-operator' },
      stage: 'Operate',
      since: String(1_700_000_000_000_000_000n + BigInt(index)),
    },
  );
}

/** A logger and hooks that record their calls. */
export function aRecord() {
  const lines: { level: string; message: string; fields: Record<string, unknown> }[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...fields } });
  };
  const logger: EventLogger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const dropped: { reason: DropReason; name: string }[] = [];
  const published: string[] = [];
  const rejected: string[] = [];
  const states: string[] = [];
  return {
    lines,
    dropped,
    published,
    rejected,
    states,
    hooks: {
      logger,
      onDropped: (reason: DropReason, event: { name: string }) => dropped.push({ reason, name: event.name }),
      onPublished: (event: { name: string }) => published.push(event.name),
      onRejected: (_subject: string, error: string) => rejected.push(error),
      onState: (state: string) => states.push(state),
    },
  };
}
