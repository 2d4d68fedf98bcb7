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

  test('without a traffic controller is granted in the write that closes the gate', () => {
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
  test('D1, D2: an operation begun while another completes neither deadlocks nor gets traffic', () => {
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

  test('D3: undoing one operation moves the parked ones on in the same write', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    begin(sim, 'b', 'Restart');
    sim.coordinate();
    finish(sim, 'a');
    undo(sim, 'b');
    expect(sim.stages()).toEqual(['done-operation-type/a', 'operated/a', 'post-check/a']);
  });

  test('D4: a Pod without the gate ends its operation without a further write', () => {
    const sim = new Simulation(servingPod({ gated: false, gate: undefined }));
    begin(sim, 'a');
    sim.coordinate();
    expect(sim.stages()).toContain('operate/a');
    finish(sim, 'a');
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('D7: a verdict counts for the run of the operation it was given for', () => {
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

  test('D7: a Post-Check verdict is not applied to an operation in Pre-Check', () => {
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

  test('D8: finishing before the grant undoes, and leaves nothing', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    finish(sim, 'a');
    expect(sim.stages()).toEqual(['SA']);
  });

  test('D8: a third party’s early finish leaves no orphan either (T17)', () => {
    const sim = new Simulation(servingPod({ expected: [FINALIZER] }));
    begin(sim, 'a');
    sim.coordinate();
    unlabel(sim, stageLabel('operating', 'a'));
    sim.quiesce(undefined, [FINALIZER]);
    expect(sim.stages()).toEqual(['SA']);
  });

  test('D9: an undo label of a dead operation does not swallow the next Begin', () => {
    const sim = new Simulation(servingPod());
    label(sim, stageLabel('undo-operation-type', 'a'), 'update');
    begin(sim, 'a');
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('D10: a new type under the same id is checked anew and inherits no permission', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    sim.coordinate();
    begin(sim, 'a', 'scale-in');
    expect(sim.stages()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('D10: an operation whose type label was taken away keeps its permission, and can be finished', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    sim.coordinate();
    unlabel(sim, stageLabel('operation-type', 'a'));
    expect(sim.coordinate()).toBe(false);
    expect(sim.stages()).toEqual(['operate/a', 'operating/a', 'permission/update', 'pre-checked/a']);
    finish(sim, 'a');
    expect(sim.pod.metadata.labels).toMatchObject({ [stageLabel('done-operation-type', 'a')]: 'update' });
  });

  test('a check passed without any permission is asked for again', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    label(sim, stageLabel('pre-checked', 'a'));
    unlabel(sim, stageLabel('operation-type', 'a'));
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'pre-check/a']);
  });

  test('D10: the same when a third party overwrites the type', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a', 'update');
    sim.coordinate();
    label(sim, stageLabel('operation-type', 'a'), 'scale-in');
    sim.coordinate(() => false);
    expect(sim.stages()).toEqual(['operating/a', 'operation-type/a', 'pre-check/a']);
  });

  test('D11: an operation begun again while completing starts at Pre-Check (T15)', () => {
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

  test('D11: the same when a third party writes just its two labels', () => {
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

  test('D12: stay-offline keeps traffic off, at the end of an operation, when idle and at creation', () => {
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

  test('T25: stay-offline taken away brings the Pod back', () => {
    const sim = new Simulation(podWith({ labels: { [STAY_OFFLINE_LABEL]: '' } }));
    sim.quiesce();
    unlabel(sim, STAY_OFFLINE_LABEL);
    sim.quiesce();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('D13: a Pod that is not ready is written once, not on every event', () => {
    const sim = new Simulation(servingPod({ ready: false }));
    expect(sim.coordinate()).toBe(true);
    expect(sim.stages()).toEqual([]);
    expect(sim.coordinate()).toBe(false);
  });

  test('T12: one operation preparing outweighs another completing, whatever their names', () => {
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

  test('T13: service-available goes with readiness and comes back when no operation runs', () => {
    const sim = new Simulation(servingPod());
    sim.kubelet(false);
    sim.coordinate();
    expect(sim.stages()).toEqual([]);
    expect(sim.gate()).toBe('True');
    sim.kubelet();
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('T18: no preparing label once operate is there', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    label(sim, stageLabel('preparing', 'a'));
    sim.coordinate();
    expect(sim.stages()).toContain('operate/a');
    expect(sim.stages()).not.toContain('preparing/a');
  });

  test('T21: an operation that is not passed stays in Pre-Check, in service', () => {
    const sim = new Simulation(servingPod());
    begin(sim, 'a');
    expect(sim.coordinate(() => false)).toBe(false);
    expect(sim.stages()).toEqual(['SA', 'operating/a', 'operation-type/a', 'pre-check/a']);
    expect(sim.gate()).toBe('True');
  });
});

describe('a third party that knows only the labels', () => {
  test('is walked through the whole path from `operating` and the type alone', () => {
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

  test('cannot pass the checks by setting `operate`: the label goes, and the Pod stays in service', () => {
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
  test('opens its gate at first sight and is in service once ready', () => {
    const sim = new Simulation(podWith());
    sim.coordinate();
    expect(sim.gate()).toBe('True');
    expect(sim.stages()).toEqual([]);
    sim.kubelet();
    sim.coordinate();
    expect(sim.stages()).toEqual(['SA']);
    expect(sim.writes).toBe(2);
  });

  test('waits for the traffic it is announced to', () => {
    const sim = new Simulation(podWith({ expected: [FINALIZER] }));
    sim.coordinate();
    sim.kubelet();
    expect(sim.coordinate()).toBe(false);
    sim.adapter();
    expect(sim.stages()).toEqual(['SA']);
  });

  test('whose available-conditions annotation is malformed is not given to service', () => {
    const pod = podWith({ gate: 'True', ready: true });
    pod.metadata.annotations = { 'pod.kusionstack.io/available-conditions': '{' };
    expect(new Simulation(pod).coordinate()).toBe(false);
  });

  test('born with operate and nothing else is not operated on: its stray grant ends as done', () => {
    const sim = new Simulation(podWith({ labels: { [stageLabel('operate', 'x')]: '1' } }));
    sim.quiesce();
    expect(sim.stages()).toEqual(['SA']);
  });
});

test('a permission nobody holds is taken away', () => {
  const sim = new Simulation(servingPod({ labels: { [permissionLabel('update')]: '1' } }));
  sim.coordinate();
  expect(sim.stages()).toEqual(['SA']);
});

test('labels that are not the protocol’s are left alone', () => {
  const foreign = { 'operating.podopslifecycle.kusionstack.iox/a': '1', app: 'web', [SERVICE_AVAILABLE_LABEL]: '7' };
  const sim = new Simulation(servingPod({ labels: foreign }));
  expect(sim.coordinate()).toBe(false);
  expect(sim.pod.metadata.labels).toMatchObject(foreign);
});
