import { describe, expect, test } from 'vitest';
import { beginOperation, finishOperation, waitingFor } from './index.ts';
import { FINALIZER, podWith, Simulation, servingPod } from './test/simulation.ts';

const SERVICE = `Service/default/s0 (finalizer ${FINALIZER})`;
const begin = (sim: Simulation, id: string, type = 'Restart') =>
  sim.patchLabels(beginOperation(sim.pod, { id, type, nanos: sim.nanos() }));
const finish = (sim: Simulation, id: string) => sim.patchLabels(finishOperation(sim.pod, { id, nanos: sim.nanos() }));
const waits = ({ pod }: Simulation) =>
  waitingFor(pod).map(({ operation, holder, message }) => `${operation.id} ${operation.stage}, ${holder}: ${message}`);

describe('waitingFor', () => {
  test('follows an operation from holder to holder', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'job');
    expect(waits(sim)).toEqual(['job PreCheck, rules: waits for every PodTransitionRule to pass its PreCheck']);
    sim.coordinate();
    expect(waits(sim)).toEqual([`job Preparing, traffic: waits for traffic to end: ${SERVICE}`]);
    sim.kubelet();
    sim.adapter();
    expect(waits(sim)).toEqual(['job Operate, operator: waits for its operation controller (job) to finish']);
    finish(sim, 'job');
    expect(waits(sim)).toEqual(['job PostCheck, rules: waits for every PodTransitionRule to pass its PostCheck']);
    sim.coordinate();
    expect(waits(sim)).toEqual(['job Completing, kubelet: waits for the Pod to be Ready']);
    sim.kubelet();
    expect(waits(sim)).toEqual([`job Completing, traffic: waits for traffic to come on: ${SERVICE}`]);
    sim.adapter();
    expect(waits(sim)).toEqual([]);
  });

  test('names the operation that holds a parked one', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    begin(sim, 'b');
    sim.coordinate();
    finish(sim, 'a');
    expect(waits(sim)[0]).toBe('a Parked, operator: is finished and waits for the others on the Pod: b');
  });

  test('names a finalizer that nobody announced', () => {
    const sim = new Simulation(servingPod({ finalizers: ['prot.podopslifecycle.kusionstack.io/x'] }));
    begin(sim, 'a');
    sim.coordinate();
    expect(waits(sim)[0]).toContain('waits for traffic to end: finalizer prot.podopslifecycle.kusionstack.io/x');
  });

  test('blames the controller that has not said the type of its operation', () => {
    const sim = new Simulation(podWith({ labels: { 'operating.podopslifecycle.kusionstack.io/a': '1' } }));
    expect(waits(sim)[0]).toContain('a PreCheck, operator: ');
  });
});
