import { permissionLabel, SERVICE_AVAILABLE_LABEL, STAY_OFFLINE_LABEL, stageLabel } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { beginOperation, cancelOperation, finishOperation, isPermitted, operationsOf } from './index.ts';
import { FINALIZER, podWith, Simulation, servingPod } from './test/simulation.ts';

const begin = (sim: Simulation, id: string, type = 'update') =>
  sim.patchLabels(beginOperation(sim.pod, { id, type, nanos: sim.nanos() }));
const finish = (sim: Simulation, id: string) => sim.patchLabels(finishOperation(sim.pod, { id, nanos: sim.nanos() }));
const undo = (sim: Simulation, id: string) => sim.patchLabels(cancelOperation(sim.pod, { id, nanos: sim.nanos() }));
const label = (sim: Simulation, key: string, value = '1') => sim.patchLabels({ [key]: value });
const unlabel = (sim: Simulation, key: string) => sim.patchLabels({ [key]: null });

describe('trace (a): in-place update with one traffic controller', () => {
  test('takes seven writes from in service to in service', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'c');
    expect(sim.stages()).toEqual(['SA', 'operating/c', 'operation-type/c', 'pre-check/c']);
    sim.coordinate();
    expect(sim.stages()).toEqual([
      'operating/c',
      'operation-type/c',
      'permission/update',
      'pre-checked/c',
      'preparing/c',
    ]);
    expect(sim.gate()).toBe('False');
    sim.kubelet();
    sim.adapter();
    expect(sim.stages()).toEqual([
      'operate/c',
      'operating/c',
      'operation-type/c',
      'permission/update',
      'pre-checked/c',
    ]);
    label(sim, 'touched-by-the-operation');
    finish(sim, 'c');
    expect(sim.stages()).toEqual(['done-operation-type/c', 'operated/c', 'post-check/c']);
    sim.coordinate();
    expect(sim.stages()).toEqual(['completing/c', 'done-operation-type/c', 'operated/c', 'post-checked/c']);
    expect(sim.gate()).toBe('True');
    sim.kubelet();
    sim.adapter();
    expect(sim.stages()).toEqual(['SA']);
    expect(sim.coordinate()).toBe(false);
    expect(sim.writes).toBe(7);
  });

  test('without a traffic controller, is granted in the write that closes the gate', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'c');
    sim.coordinate();
    expect(sim.gate()).toBe('False');
    expect(sim.stages()).toContain('operate/c');
    expect(sim.stages()).not.toContain('SA');
  });
});

describe('trace (b): scale-in', () => {
  test('is permitted after two writes and the traffic controller’s', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'c', 'scale-in');
    sim.coordinate();
    sim.kubelet();
    sim.adapter();
    expect(sim.stages()).toContain('operate/c');
    expect(sim.writes).toBe(3);
  });
});

describe('trace (c): two operations together', () => {
  test('share one drain, and leave Operate together (T11)', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'a');
    begin(sim, 'b', 'Restart');
    sim.coordinate();
    expect(sim.stages()).toEqual(
      expect.arrayContaining(['permission/Restart', 'permission/update', 'preparing/a', 'preparing/b']),
    );
    sim.kubelet();
    sim.adapter();
    finish(sim, 'a');
    expect(operationsOf(sim.pod).map(({ id, stage }) => `${id} ${stage}`)).toEqual(['a Parked', 'b Operate']);
    expect(sim.coordinate()).toBe(false);
    finish(sim, 'b');
    expect(operationsOf(sim.pod).map(({ stage }) => stage)).toEqual(['PostCheck', 'PostCheck']);
    sim.coordinate();
    sim.kubelet();
    sim.adapter();
    expect(sim.stages()).toEqual(['SA']);
    // 4 by the operation controllers, 2 each by coordinator and traffic controller.
    expect(sim.writes).toBe(8);
  });
});

describe('trace (d): cancelled while preparing', () => {
  test('gives the Pod back to service', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'c');
    sim.coordinate();
    undo(sim, 'c');
    expect(sim.stages()).toEqual([]);
    sim.kubelet();
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toEqual(['SA']);
    expect(sim.pod.metadata.finalizers).toEqual([FINALIZER]);
  });

  const toOperate = (sim: Simulation) => {
    begin(sim, 'c');
    sim.coordinate();
    sim.kubelet();
    sim.adapter();
  };
  test.each([
    { stage: 'Pre-Check', advance: (sim: Simulation) => begin(sim, 'c') },
    {
      stage: 'Preparing',
      advance: (sim: Simulation) => {
        begin(sim, 'c');
        sim.coordinate();
      },
    },
    { stage: 'Operate', advance: toOperate },
    {
      stage: 'Post-Check',
      advance: (sim: Simulation) => {
        toOperate(sim);
        finish(sim, 'c');
      },
    },
  ])('a third party’s undo label ends it in $stage with no label of the id left (T14)', ({ advance }) => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    advance(sim);
    label(sim, stageLabel('undo-operation-type', 'c'), 'update');
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toEqual(['SA']);
  });
});

describe('defects of the Go implementation', () => {
  test('an operation that begins while another completes neither deadlocks nor gets traffic (D1, D2)', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'a');
    sim.coordinate();
    sim.kubelet();
    sim.adapter();
    finish(sim, 'a');
    sim.coordinate();
    expect(sim.gate()).toBe('True');
    begin(sim, 'b', 'Restart');
    sim.coordinate();
    expect(sim.gate()).toBe('False');
    sim.kubelet();
    sim.adapter();
    expect(sim.stages()).toContain('operate/b');
    expect(sim.coordinate()).toBe(false);
    expect(sim.gate()).toBe('False');
    finish(sim, 'b');
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toEqual(['SA']);
  });

  test('undoing one operation advances the parked ones in the same write (D3)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    begin(sim, 'b', 'Restart');
    sim.coordinate();
    finish(sim, 'a');
    undo(sim, 'b');
    expect(sim.stages()).toEqual(['done-operation-type/a', 'operated/a', 'post-check/a']);
  });

  test('a Pod without the gate ends its operation without a further write (D4)', () => {
    const sim = new Simulation(servingPod({ gated: false, gate: undefined }));
    begin(sim, 'a');
    sim.coordinate();
    expect(sim.stages()).toContain('operate/a');
    finish(sim, 'a');
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('a verdict applies only to the run of the operation for which it was given (D7)', () => {
    const sim = new Simulation(servingPod());
    const asked: string[] = [];
    const verdictFor = (since: string) => (request: { since: string }) => {
      asked.push(request.since);
      return request.since === since;
    };
    begin(sim, 'a');
    const first = operationsOf(sim.pod)[0]?.since ?? '';
    undo(sim, 'a');
    begin(sim, 'a');
    sim.coordinate(verdictFor(first));
    expect(sim.stages()).toContain('pre-check/a');
    expect(asked).not.toContain(first);
  });

  test('a PostCheck verdict does not apply to an operation in PreCheck (D7)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    sim.coordinate();
    finish(sim, 'a');
    begin(sim, 'b', 'Restart');
    sim.coordinate(({ stage }) => stage === 'PostCheck');
    expect(sim.stages()).toEqual(expect.arrayContaining(['completing/a', 'pre-check/b']));
    expect(sim.stages()).not.toContain('post-checked/b');
    expect(sim.gate()).toBe('False');
  });

  test('finishing before the grant undoes the operation, and leaves no label (D8)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    finish(sim, 'a');
    expect(sim.stages()).toEqual(['SA']);
  });

  test('an early finish by a third party leaves no orphaned label either (D8, T17)', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'a');
    sim.coordinate();
    unlabel(sim, stageLabel('operating', 'a'));
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toEqual(['SA']);
  });

  test('an undo label of an ended operation does not undo the next one (D9)', () => {
    const sim = new Simulation(servingPod());
    label(sim, stageLabel('undo-operation-type', 'a'), 'update');
    begin(sim, 'a');
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('a new type under the same id is checked again and inherits no permission (D10)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    sim.coordinate();
    begin(sim, 'a', 'scale-in');
    expect(sim.stages()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('an operation whose type label was removed keeps its permission, and can be finished (D10)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    sim.coordinate();
    unlabel(sim, stageLabel('operation-type', 'a'));
    expect(sim.coordinate()).toBe(false);
    expect(sim.stages()).toEqual(['operate/a', 'operating/a', 'permission/update', 'pre-checked/a']);
    finish(sim, 'a');
    expect(sim.pod.metadata.labels).toMatchObject({ [stageLabel('done-operation-type', 'a')]: 'update' });
  });

  test('a check that passed without a permission is requested again', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    label(sim, stageLabel('pre-checked', 'a'));
    unlabel(sim, stageLabel('operation-type', 'a'));
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'pre-check/a']);
  });

  test('the same holds if a third party overwrites the type (D10)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    sim.coordinate();
    label(sim, stageLabel('operation-type', 'a'), 'scale-in');
    sim.coordinate(() => false);
    expect(sim.stages()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('an operation that begins again while it completes starts at PreCheck (D11, T15)', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'a');
    sim.coordinate();
    sim.kubelet();
    sim.adapter();
    finish(sim, 'a');
    sim.coordinate();
    begin(sim, 'a');
    expect(sim.stages()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('the same holds if a third party writes only its two labels (D11)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    sim.coordinate();
    finish(sim, 'a');
    label(sim, stageLabel('operation-type', 'a'), 'update');
    sim.coordinate(() => false);
    label(sim, stageLabel('operating', 'a'));
    sim.coordinate(() => false);
    expect(sim.stages()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('stay-offline keeps traffic off at the end of an operation, when idle and at creation (D12)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    sim.coordinate();
    label(sim, STAY_OFFLINE_LABEL);
    finish(sim, 'a');
    sim.quiesce();
    expect([sim.gate(), sim.stages()]).toEqual(['False', []]);

    const idle = new Simulation(servingPod({ labels: { [STAY_OFFLINE_LABEL]: '' } }));
    idle.quiesce();
    expect([idle.gate(), idle.stages()]).toEqual(['False', []]);

    const fresh = new Simulation(podWith({ labels: { [STAY_OFFLINE_LABEL]: '' } }));
    expect(fresh.coordinate()).toBe(false);
  });

  test('the removal of stay-offline returns the Pod to service (T25)', () => {
    const sim = new Simulation(podWith({ labels: { [STAY_OFFLINE_LABEL]: '' } }));
    sim.quiesce();
    unlabel(sim, STAY_OFFLINE_LABEL);
    sim.quiesce();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('a Pod that is not ready is written once, not on every event (D13)', () => {
    const sim = new Simulation(servingPod({ ready: false }));
    expect(sim.coordinate()).toBe(true);
    expect(sim.stages()).toEqual([]);
    expect(sim.coordinate()).toBe(false);
  });

  test('the gate stays closed while one operation prepares and another completes, whatever their names (T12)', () => {
    for (const [done, running] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
      begin(sim, done);
      sim.coordinate();
      sim.kubelet();
      sim.adapter();
      finish(sim, done);
      begin(sim, running, 'Restart');
      sim.coordinate();
      expect(sim.gate()).toBe('False');
    }
  });

  test('service-available is removed with readiness and restored when no operation runs (T13)', () => {
    const sim = new Simulation(servingPod());
    sim.kubelet(false);
    sim.coordinate();
    expect(sim.stages()).toEqual([]);
    expect(sim.gate()).toBe('True');
    sim.kubelet();
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('no preparing label is added once operate is set (T18)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    label(sim, stageLabel('preparing', 'a'));
    sim.coordinate();
    expect(sim.stages()).toContain('operate/a');
    expect(sim.stages()).not.toContain('preparing/a');
  });

  test('an operation that has not passed stays in PreCheck, and the Pod in service (T21)', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    expect(sim.coordinate(() => false)).toBe(false);
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'operation-type/a', 'pre-check/a']);
    expect(sim.gate()).toBe('True');
  });
});

describe('a third party that knows only the labels', () => {
  test('is led through all stages if it sets only `operating` and the type', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    label(sim, stageLabel('operation-type', 'job'), 'Restart');
    sim.coordinate();
    label(sim, stageLabel('operating', 'job'));
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toContain('operate/job');
    sim.patchLabels({ [stageLabel('operating', 'job')]: null, [stageLabel('operation-type', 'job')]: null });
    sim.coordinate(() => false);
    expect(sim.pod.metadata.labels?.[stageLabel('done-operation-type', 'job')]).toBe('Restart');
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toEqual(['SA']);
  });

  test('cannot pass the checks by setting `operate`: the label is removed, and the Pod stays in service', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'a');
    label(sim, stageLabel('operate', 'a'), '1');
    sim.coordinate(() => false);
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'operation-type/a', 'pre-check/a']);
    expect(sim.gate()).toBe('True');
  });

  test('is not permitted by labels alone while the Pod is in traffic', () => {
    const forged = (gate: 'True' | 'False', finalizers: string[], ...keys: string[]) =>
      podWith({
        gate,
        finalizers,
        labels: {
          ...Object.fromEntries([...keys, permissionLabel('update')].map((key) => [key, '1'])),
          [stageLabel('operation-type', 'a')]: 'update',
        },
      });
    const keys = (['operating', 'pre-checked', 'operate'] as const).map((stage) => stageLabel(stage, 'a'));
    expect(isPermitted(forged('False', [], ...keys), 'a', 'update')).toBe(true);
    expect(isPermitted(forged('True', [], ...keys), 'a', 'update')).toBe(false);
    expect(isPermitted(forged('False', [FINALIZER], ...keys), 'a', 'update')).toBe(false);
    for (const missing of keys) {
      const others = keys.filter((key) => key !== missing);
      expect(isPermitted(forged('False', [], ...others), 'a', 'update'), missing).toBe(false);
    }
  });
});

describe('a new Pod', () => {
  test('has its gate opened at once and is in service once ready', () => {
    const sim = new Simulation(podWith());
    sim.coordinate();
    expect(sim.gate()).toBe('True');
    expect(sim.stages()).toEqual([]);
    sim.kubelet();
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA']);
    expect(sim.writes).toBe(2);
  });

  test('waits for the traffic of the adapters that announced themselves', () => {
    const sim = new Simulation(podWith({ expected: [FINALIZER] }));
    sim.coordinate();
    sim.kubelet();
    expect(sim.coordinate()).toBe(false);
    sim.adapter();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('with a malformed available-conditions annotation does not go into service', () => {
    const pod = podWith({ gate: 'True', ready: true });
    pod.metadata.annotations = { 'pod.kusionstack.io/available-conditions': '{' };
    expect(new Simulation(pod).coordinate()).toBe(false);
  });

  test('created with operate and nothing else is not operated on: the stray label ends as a finished operation', () => {
    const sim = new Simulation(podWith({ labels: { [stageLabel('operate', 'x')]: '1' } }));
    sim.quiesce();
    expect(sim.stages()).toEqual(['SA']);
  });
});

test('a permission without an operation is removed', () => {
  const sim = new Simulation(servingPod({ labels: { [permissionLabel('update')]: '1' } }));
  sim.coordinate();
  expect(sim.stages()).toEqual(['SA']);
});

test('labels outside the protocol are not changed', () => {
  const foreign = { 'operating.podopslifecycle.kusionstack.iox/a': '1', app: 'web', [SERVICE_AVAILABLE_LABEL]: '7' };
  const sim = new Simulation(servingPod({ labels: foreign }));
  expect(sim.coordinate()).toBe(false);
  expect(sim.pod.metadata.labels).toMatchObject(foreign);
});
