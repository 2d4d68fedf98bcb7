import { isTerminating, type Pod } from '@kuperator/api';
import type { KuperatorEvent } from '@kuperator/events';
import { isServiceAvailable, operationsOf } from '@kuperator/lifecycle';
import Table from 'cli-table3';
import { createLogUpdate } from 'log-update';

const EVENT_LINES = 12;
const REDRAW_MS = 100;

/** Shows the progress of the Pods: in a terminal a live table beside the latest events, elsewhere a line per change. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #live: ReturnType<typeof createLogUpdate> | undefined;
  readonly #events: string[] = [];
  readonly #shown = new Map<string, string>();
  readonly #pods: () => readonly Pod[];
  readonly #inTraffic: () => ReadonlySet<string>;
  #title = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(out: NodeJS.WriteStream, pods: () => readonly Pod[], inTraffic: () => ReadonlySet<string>) {
    this.#out = out;
    this.#pods = pods;
    this.#inTraffic = inTraffic;
    this.#live = out.isTTY ? createLogUpdate(out) : undefined;
  }

  title(text: string): void {
    this.#title = text;
    if (this.#live) this.#changed();
    else this.#out.write(`\n${text}\n`);
  }

  event({ kind, event, name, data }: KuperatorEvent): void {
    const operation = 'operation' in data && data.operation ? ` ${data.operation.type}` : '';
    const line = `${kind}.${event} ${name}${operation}`;
    if (!this.#live) {
      this.#out.write(`  event  ${line}\n`);
      return;
    }
    this.#events.push(line);
    if (this.#events.length > EVENT_LINES) this.#events.shift();
    this.#changed();
  }

  /** Shows a changed Pod. */
  pod(pod: Pod): void {
    if (this.#live) {
      this.#changed();
      return;
    }
    const { name = '' } = pod.metadata;
    const text = `${imageOf(pod)} ${phaseOf(pod)}`;
    if (this.#shown.get(name) === text) return;
    this.#shown.set(name, text);
    this.#out.write(`  pod    ${name} ${text}\n`);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#live?.(this.#frame());
    this.#live?.done();
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#live?.(this.#frame());
    }, REDRAW_MS);
  }

  #frame(): string {
    const traffic = this.#inTraffic();
    const pods = new Table({ head: ['Pod', 'image', 'phase', 'traffic'], style: { head: [], border: [] } });
    const ordered = this.#pods().toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
    for (const pod of ordered) {
      const on = traffic.has(pod.metadata.uid ?? '') ? '●' : '○';
      pods.push([pod.metadata.name ?? '', imageOf(pod), phaseOf(pod), on]);
    }
    const beside = new Table({ chars: BLANK, style: { 'padding-left': 0, 'padding-right': 2, border: [] } });
    beside.push([pods.toString(), ['NATS events that a subscriber receives', '', ...this.#events].join('\n')]);
    return `${this.#title}\n${beside.toString()}`;
  }
}

const BLANK = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

function imageOf(pod: Pod): string {
  return pod.spec.containers[0]?.image ?? '';
}

function phaseOf(pod: Pod): string {
  if (isTerminating(pod)) return 'Terminating';
  const [operation] = operationsOf(pod);
  if (operation) return `${operation.type ?? operation.id}: ${operation.stage}`;
  return isServiceAvailable(pod) ? 'in service' : 'starting';
}
