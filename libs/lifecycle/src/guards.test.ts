import { STAY_OFFLINE_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { beginOperation, podStateOf, settle } from './index.ts';
import { FINALIZER, podWith, Simulation, servingPod } from './test/simulation.ts';

const begin = (sim: Simulation) =>
  sim.patchLabels(beginOperation(sim.pod, { id: 'a', type: 'update', nanos: sim.nanos() }));

describe('a guard: an adapter that is asked before traffic counts as off', () => {
  const guards = [FINALIZER];

  test('is added in the write that closes the gate, and drained like any other', () => {
    const sim = new Simulation(servingPod({ expected: guards, finalizers: [] }));
    begin(sim);
    sim.coordinate(undefined, { guards });
    expect(sim.stages()).toContain('preparing/a');
    expect([sim.gate(), sim.pod.metadata.finalizers]).toEqual(['False', guards]);
    expect(sim.coordinate(undefined, { guards })).toBe(false);
    sim.kubelet();
    sim.adapter();
    expect(sim.stages()).toContain('operate/a');
    expect(sim.coordinate(undefined, { guards })).toBe(false);
    expect(sim.writes).toBe(3);
  });

  test('is not added if it is already there', () => {
    const { guards: added } = settle(
      podStateOf(servingPod({ expected: guards, labels: { [STAY_OFFLINE_LABEL]: '' } })),
      '2',
      { passes: () => true, guards },
    );
    expect(added).toBeUndefined();
  });

  test('is not asked again by an operation that begins while the gate is already closed', () => {
    const sim = new Simulation(podWith({ gate: 'False', expected: guards }));
    begin(sim);
    sim.coordinate(undefined, { guards });
    expect(sim.stages()).toContain('operate/a');
    expect(sim.pod.metadata.finalizers).toEqual([]);
  });

  test('while its traffic may still arrive, no operation passes PreCheck and the gate stays open', () => {
    const sim = new Simulation(podWith({ gate: 'True', ready: true, expected: guards }));
    begin(sim);
    sim.patchLabels({ [STAY_OFFLINE_LABEL]: '' });
    expect(sim.coordinate(undefined, { guards, arriving: true })).toBe(false);
    expect([sim.gate(), sim.stages()]).toEqual(['True', ['operating/a', 'operation-type/a', 'pre-check/a']]);
  });
});
