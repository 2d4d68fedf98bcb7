// Who holds each operation of a Pod, and since when. Computed from the Pod and the rules alone, so it is the same after a restart.

import type { Pod, PodTransitionRule } from '@kuperator/api';
import { type RuleHold, verdictFor } from '@kuperator/holders';
import { type Holder, type Operation, type Waiting, waitingFor } from '@kuperator/lifecycle';
import { awaitedOn } from './awaited.ts';

/** `engine`: no verdict from the PodTransitionRule engine, which may be down or not installed. */
export type WaitHolder = Holder | 'engine';

export type Wait = {
  readonly operation: Operation;
  readonly holder: WaitHolder;
  /** `waits for …`, to follow the operation's name. */
  readonly message: string;
  /** When the operation entered its stage, ms since the epoch; undefined when its label does not say. */
  readonly sinceMs: number | undefined;
};

/**
 * One for each live operation of the Pod. Pure.
 * @param rules at least those that select it
 * @param arriving employers whose traffic is waited for before the gate is closed again
 */
export function waitsOf(
  pod: Pod,
  rules: readonly PodTransitionRule[],
  arriving: readonly string[] = [],
): readonly Wait[] {
  return waitingFor(pod).map((waiting) => ({
    operation: waiting.operation,
    sinceMs: millisecondsOf(waiting.operation.since),
    ...(waiting.holder === 'rules'
      ? holdOfRules(pod, rules, waiting, arriving)
      : { holder: waiting.holder, message: waiting.message }),
  }));
}

type Hold = Pick<Wait, 'holder' | 'message'>;

function holdOfRules(
  pod: Pod,
  rules: readonly PodTransitionRule[],
  { operation }: Waiting,
  arriving: readonly string[],
): Hold {
  const { id, type = '', since } = operation;
  const stage = operation.stage === 'PostCheck' ? 'PostCheck' : 'PreCheck';
  const awaited = stage === 'PreCheck' ? awaitedOn(pod) : [];
  if (awaited.length > 0) {
    return {
      holder: 'traffic',
      message: `waits for the adapter of ${awaited.join(', ')} to announce itself on the Pod`,
    };
  }
  if (stage === 'PreCheck' && arriving.length > 0) {
    return { holder: 'traffic', message: `waits for traffic that is coming on: ${arriving.join(', ')}` };
  }
  const { heldBy } = verdictFor(pod, rules, { id, type, stage, since });
  const refusing = heldBy.filter(({ by }) => by === 'rules');
  if (refusing.length > 0) return { holder: 'rules', message: `waits for ${named(refusing)}` };
  if (heldBy.length === 0) return { holder: 'coordinator', message: `waits to be let past its ${stage}` };
  return { holder: 'engine', message: `waits for a verdict from the PodTransitionRule engine on ${named(heldBy)}` };
}

function named(holds: readonly RuleHold[]): string {
  return holds
    .map((hold) => {
      const name = hold.by === 'rules' ? `${hold.name}: ` : '';
      return `PodTransitionRule ${hold.rule} (${name}${hold.reason})`;
    })
    .join(', ');
}

/** Label times are Unix nanoseconds; what a hand wrote there says nothing. */
function millisecondsOf(nanos: string): number | undefined {
  return /^\d{19}$/.test(nanos) ? Number(BigInt(nanos) / 1_000_000n) : undefined;
}
