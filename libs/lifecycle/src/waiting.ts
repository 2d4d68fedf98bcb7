import type { Pod } from '@kuperator/api';
import { missingFinalizers } from './expected-finalizers.ts';
import { type Operation, operationsOf } from './operation.ts';
import { isGateOpen, type PodState, podStateOf, protectionFinalizers } from './pod-state.ts';

/** Why an operation stays in its stage. */
export type Waiting = {
  readonly operation: Operation;
  /** Who has to act: `rules`, `operation controller`, `kubelet`, `coordinator`, or the finalizers and employers by name. */
  readonly holder: string;
  /** A sentence for people. */
  readonly message: string;
};

/** For each live operation of the Pod: who holds it where it is. */
export function waitingFor(pod: Pod): readonly Waiting[] {
  const state = podStateOf(pod);
  return operationsOf(pod).map((operation) => ({ operation, ...holderOf(operation, state) }));
}

function holderOf(operation: Operation, state: PodState): Omit<Waiting, 'operation'> {
  switch (operation.stage) {
    case 'PreCheck':
      return operation.type === undefined
        ? { holder: 'operation controller', message: `operation ${operation.id} has no operation-type label` }
        : { holder: 'rules', message: 'waits for every PodTransitionRule to pass its PreCheck' };
    case 'Preparing': {
      const holders = protectionFinalizers(state).join(', ');
      return holders
        ? { holder: holders, message: `waits for traffic to end: ${holders}` }
        : { holder: 'coordinator', message: 'waits for the service-ready gate to close' };
    }
    case 'Operate':
      return { holder: 'operation controller', message: `waits for ${operation.type ?? operation.id} to be finished` };
    case 'Parked':
      return { holder: 'operation controller', message: 'finished; waits for the other operations on the Pod' };
    case 'PostCheck':
      return { holder: 'rules', message: 'waits for every PodTransitionRule to pass its PostCheck' };
    case 'Completing':
      return completionHolder(state);
  }
}

function completionHolder(state: PodState): Omit<Waiting, 'operation'> {
  const missing = missingFinalizers(state.expected, state.finalizers);
  if (!missing) return { holder: 'user', message: 'the available-conditions annotation is not a JSON object' };
  if (!isGateOpen(state)) return { holder: 'coordinator', message: 'waits for the service-ready gate to open' };
  if (!state.ready) return { holder: 'kubelet', message: 'waits for the Pod to be Ready' };
  const employers = Object.keys(missing).join(', ');
  return employers
    ? { holder: employers, message: `waits for traffic to come on: ${employers}` }
    : { holder: 'coordinator', message: 'waits to be given back to service' };
}
