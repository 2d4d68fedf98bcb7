import type { Pod } from '@kuperator/api';
import { missingFinalizers } from './expected-finalizers.ts';
import { type Operation, operationsOf } from './operation.ts';
import { isGateOpen, type PodState, podStateOf, protectionFinalizers } from './pod-state.ts';

/** Who has to act: `traffic` is whoever has a finalizer on the Pod or should have one, `operator` the operation controller. */
export type Holder = 'rules' | 'traffic' | 'operator' | 'kubelet' | 'coordinator' | 'user';

/** Why an operation stays in its stage. */
export type Waiting = {
  readonly operation: Operation;
  readonly holder: Holder;
  /** For people, after the Pod's or operation's name: `waits for traffic to end: Service/default/web (finalizer …)`. */
  readonly message: string;
};

/** For each live operation of the Pod: who holds it where it is. */
export function waitingFor(pod: Pod): readonly Waiting[] {
  const state = podStateOf(pod);
  const operations = operationsOf(pod);
  return operations.map((operation) => ({ operation, ...holderOf(operation, state, operations) }));
}

type Hold = Omit<Waiting, 'operation'>;

function holderOf(operation: Operation, state: PodState, all: readonly Operation[]): Hold {
  switch (operation.stage) {
    case 'PreCheck':
      return operation.type === undefined
        ? { holder: 'operator', message: `waits for its operation controller to say its type (operation-type label)` }
        : { holder: 'rules', message: 'waits for every PodTransitionRule to pass its PreCheck' };
    case 'Preparing': {
      const holders = protectionFinalizers(state).map((finalizer) => whoseFinalizer(finalizer, state));
      return holders.length > 0
        ? { holder: 'traffic', message: `waits for traffic to end: ${holders.join(', ')}` }
        : { holder: 'coordinator', message: 'waits for the service-ready gate to close' };
    }
    case 'Operate':
      return { holder: 'operator', message: `waits for its operation controller (${operation.id}) to finish` };
    case 'Parked': {
      const others = all.filter(({ stage }) => stage !== 'Parked').map(({ id }) => id);
      return { holder: 'operator', message: `is finished and waits for the others on the Pod: ${others.join(', ')}` };
    }
    case 'PostCheck':
      return { holder: 'rules', message: 'waits for every PodTransitionRule to pass its PostCheck' };
    case 'Completing':
      return completionHolder(state);
  }
}

function completionHolder(state: PodState): Hold {
  const missing = missingFinalizers(state.expected, state.finalizers);
  if (!missing) return { holder: 'user', message: 'waits for the available-conditions annotation to be a JSON object' };
  if (!isGateOpen(state)) return { holder: 'coordinator', message: 'waits for the service-ready gate to open' };
  if (!state.ready) return { holder: 'kubelet', message: 'waits for the Pod to be Ready' };
  const employers = Object.entries(missing).map(([employer, finalizer]) => described(employer, finalizer));
  return employers.length > 0
    ? { holder: 'traffic', message: `waits for traffic to come on: ${employers.join(', ')}` }
    : { holder: 'coordinator', message: 'waits to be given back to service' };
}

/** The employers that announced the finalizer; one that nobody announced speaks for itself. */
function whoseFinalizer(finalizer: string, { expected = {} }: PodState): string {
  const employers = Object.keys(expected).filter((employer) => expected[employer] === finalizer);
  return employers.length > 0 ? described(employers.join(' and '), finalizer) : `finalizer ${finalizer}`;
}

function described(employer: string, finalizer: string): string {
  return `${employer} (finalizer ${finalizer})`;
}
