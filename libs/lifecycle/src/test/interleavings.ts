// Random schedules of everybody who writes a Pod, and what must hold after each write and at the end. Shared by the unit test
// (some thousand runs) and the fuzz script (as many as asked for).

import assert from 'node:assert/strict';
import { permissionLabel, SERVICE_AVAILABLE_LABEL, STAGE_LABELS, STAY_OFFLINE_LABEL, stageLabel } from '@kuperator/api';
import fc from 'fast-check';
import {
  beginOperation,
  brokenLabelRules,
  cancelOperation,
  finishOperation,
  hasOperation,
  podStateOf,
  settle,
} from '../index.ts';
import { StageLabels } from '../stage-labels.ts';
import { podWith, Simulation } from './simulation.ts';

export type Runs = { readonly runs: number; readonly seed: number };

const IDS = ['a', 'b', 'c'];
const TYPES = ['update', 'scale-in', 'Restart'];
export const ADAPTERS = ['prot.podopslifecycle.kusionstack.io/1', 'prot.podopslifecycle.kusionstack.io/2'];

const id = fc.constantFrom(...IDS);
const type = fc.constantFrom(...TYPES);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('begin' as const), id, type }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-begin' as const), id, type }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-type' as const), id, type }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-finish' as const), id, withType: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-undo' as const), id, type }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stay-offline' as const), on: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('coordinate' as const), passing: fc.subarray(IDS) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('kubelet' as const), up: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('adapter' as const), at: fc.constantFrom(0, 1) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Writers that write the fixpoint, so that what they leave must keep every promise. */
const OURS: readonly Step['do'][] = ['begin', 'finish', 'cancel', 'coordinate', 'adapter'];

/** A schedule: what is done, which finalizers the Pod expects, and whether it has the readiness gate. */
export const schedule = fc.record({
  steps: fc.array(step, { maxLength: 40 }),
  expected: fc.subarray(ADAPTERS),
  gated: fc.boolean(),
});
export type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

/** Lets `watch` see the Pod after every write of ours. */
export function play(
  { steps, expected, gated }: Schedule,
  watch: (sim: Simulation, before: Simulation) => void,
): Simulation {
  const sim = new Simulation(podWith({ expected, gated }));
  for (const step of steps) {
    const before = new Simulation(sim.pod);
    take(sim, step);
    const wrote = JSON.stringify(sim.pod) !== JSON.stringify(before.pod);
    if (wrote && OURS.includes(step.do)) watch(sim, before);
  }
  return sim;
}

/** Any interleaving keeps the promises of every write, and reaches rest in service. @throws with the shortest that does not */
export function checkInterleavings({ runs, seed }: Runs): void {
  const property = fc.property(schedule, (schedule) => {
    const sim = play(schedule, (after, before) => checkWrite(after, before, schedule.gated));
    // Rest: every operation is finished or undone by its controller, rules pass, everybody works.
    sim.patchLabels({ [STAY_OFFLINE_LABEL]: null });
    sim.quiesce(undefined, schedule.expected);
    for (const id of IDS) if (hasOperation(sim.pod, id)) take(sim, { do: 'finish', id });
    sim.quiesce(undefined, schedule.expected);
    for (const id of IDS) sim.patchLabels({ [stageLabel('operation-type', id)]: null });
    assert.deepEqual(sim.stages(), ['SA']);
  });
  fc.assert(property, { numRuns: runs, seed });
}

/** From any labels at all, settling once reaches what settling again does not change, and what the API server accepts. */
export function checkFixpoints({ runs, seed }: Runs): void {
  const gate = fc.constantFrom('True' as const, 'False' as const, undefined);
  const adapters = fc.subarray(ADAPTERS);
  const passing = fc.option(fc.subarray(IDS), { nil: undefined });
  const property = fc.property(
    anyLabels,
    fc.record({ gated: fc.boolean(), gate, ready: fc.boolean(), expected: adapters, finalizers: adapters }),
    passing,
    (labels, options, passing) => {
      const sim = new Simulation(podWith({ ...options, labels }));
      const authority = passing && { passes: ({ id }: { id: string }) => passing.includes(id) };
      const first = settle(podStateOf(sim.pod), '2', authority);
      sim.patchLabels(first.labels);
      if (first.gate) sim.setCondition('pod.kusionstack.io/service-ready', first.gate);
      assert.deepEqual(settle(podStateOf(sim.pod), '3', authority), { labels: {} });
      assert.deepEqual(brokenLabelRules(sim.pod.metadata.labels ?? {}), []);
    },
  );
  fc.assert(property, { numRuns: runs, seed });
}

/** Lifecycle labels without any sense, as a hand or a defect may leave them. */
export const anyLabels = fc
  .subarray([
    ...IDS.flatMap((id) => STAGE_LABELS.map((stage) => stageLabel(stage, id))),
    ...TYPES.map(permissionLabel),
    SERVICE_AVAILABLE_LABEL,
    STAY_OFFLINE_LABEL,
  ])
  .chain((keys) =>
    fc
      .tuple(...keys.map((key) => (key.includes('type') ? type : fc.constant('1')).map((value) => [key, value])))
      .map((entries): Record<string, string> => Object.fromEntries(entries)),
  );

function take(sim: Simulation, step: Step | { do: 'finish'; id: string }): void {
  const nanos = sim.nanos();
  switch (step.do) {
    case 'begin':
      sim.patchLabels(beginOperation(sim.pod, { id: step.id, type: step.type, nanos }));
      return;
    case 'finish':
      sim.patchLabels(finishOperation(sim.pod, { id: step.id, nanos }));
      return;
    case 'cancel':
      sim.patchLabels(cancelOperation(sim.pod, { id: step.id, nanos }));
      return;
    case 'third-party-begin':
      sim.patchLabels({
        [stageLabel('operating', step.id)]: nanos,
        [stageLabel('operation-type', step.id)]: step.type,
      });
      return;
    case 'third-party-type':
      sim.patchLabels({ [stageLabel('operation-type', step.id)]: step.type });
      return;
    case 'third-party-finish':
      sim.patchLabels({
        [stageLabel('operating', step.id)]: null,
        ...(step.withType ? { [stageLabel('operation-type', step.id)]: null } : {}),
      });
      return;
    case 'third-party-undo':
      sim.patchLabels({ [stageLabel('undo-operation-type', step.id)]: step.type });
      return;
    case 'stay-offline':
      sim.patchLabels({ [STAY_OFFLINE_LABEL]: step.on ? '' : null });
      return;
    case 'coordinate':
      sim.coordinate((request) => step.passing.includes(request.id));
      return;
    case 'kubelet':
      sim.kubelet(step.up);
      return;
    case 'adapter':
      sim.adapter(ADAPTERS[step.at]);
      return;
  }
}

/** What must hold after any write of the protocol's own writers. */
function checkWrite(sim: Simulation, before: Simulation, gated: boolean): void {
  const labels = new StageLabels(sim.pod.metadata.labels ?? {});
  const was = new StageLabels(before.pod.metadata.labels ?? {});
  const state = podStateOf(sim.pod);
  // The Go implementation's validating webhook refuses the same: mixed installs during a migration go on.
  assert.deepEqual(brokenLabelRules(state.labels), []);
  for (const id of labels.ids()) {
    const stages = labels.stagesOf(id);
    const where = `${id}: ${stages.join(' ')}`;
    assert(labels.isLive(id) || (stages.length === 1 && stages[0] === 'operation-type'), `orphan ${where}`);
    if (!gated) continue;
    if (labels.has(id, 'operate') && !was.has(id, 'operate')) {
      assert.notEqual(state.gate, 'True', `granted with the gate open, ${where}`);
      assert.deepEqual(state.finalizers, [], `granted with traffic on, ${where}`);
      assert(!(SERVICE_AVAILABLE_LABEL in state.labels), `granted while available, ${where}`);
    }
    if (labels.has(id, 'operate') && labels.has(id, 'operating')) {
      assert(!(sim.gate() === 'True' && before.gate() === 'False'), `traffic on during ${where}`);
    }
  }
}
