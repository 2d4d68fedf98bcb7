import { isSameBackend, type Job, type State } from './state.ts';

/** Makes the change of a job of NLB take effect. */
export function applyJob(state: State, job: Job): void {
  job.status = 'Succeeded';
  const { change } = job;
  switch (change.do) {
    case 'create':
      return;
    case 'deleteGroup':
      state.groups.delete(job.groupId ?? '');
      return;
    case 'deleteListener':
      state.listeners.delete(job.listenerId ?? '');
      return;
    case 'deleteLoadBalancer':
      removeLoadBalancer(state, job.loadBalancerId ?? '');
      return;
    default:
      changeBackends(state, job, change);
  }
}

/** Removes an instance with its listeners and, in CLB, its vServer groups. */
export function removeLoadBalancer(state: State, id: string): void {
  state.loadBalancers.delete(id);
  for (const listener of state.listeners.values()) {
    if (listener.loadBalancerId === id) state.listeners.delete(listener.id);
  }
  for (const group of state.groups.values()) if (group.loadBalancerId === id) state.groups.delete(group.id);
}

function changeBackends(
  state: State,
  job: Job,
  change: Extract<Job['change'], { do: 'add' | 'remove' | 'update' }>,
): void {
  const group = state.groups.get(job.groupId ?? '');
  if (!group) {
    job.status = 'Failed';
    return;
  }
  for (const [index, key] of change.backends.entries()) {
    const backend = group.backends.find((each) => isSameBackend(each, key));
    if (!backend) continue;
    if (change.do === 'remove') group.backends = group.backends.filter((each) => each !== backend);
    else backend.status = 'Available';
    if (change.do === 'update') backend.weight = change.weights?.[index] ?? backend.weight;
  }
}
