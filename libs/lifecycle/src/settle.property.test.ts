import { permissionLabel, SERVICE_AVAILABLE_LABEL, STAGE_LABELS, STAY_OFFLINE_LABEL, stageLabel } from '@kuperator/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beginOperation, cancelOperation, finishOperation, hasOperation, podStateOf, settle } from './index.ts';
import { StageLabels } from './stage-labels.ts';
import { podWith, Simulation } from './test/simulation.ts';

const IDS = ['a', 'b', 'c'];
const TYPES = ['update', 'scale-in', 'Restart'];
const ADAPTERS = ['prot.podopslifecycle.kusionstack.io/1', 'prot.podopslifecycle.kusionstack.io/2'];

const id = fc.constantFrom(...IDS);
const type = fc.constantFrom(...TYPES);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('begin' as const), id, type }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), id }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-begin' as const), id, type }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-type' as const), id, type }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-finish' as const), id }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('third-party-undo' as const), id, type }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stay-offline' as const), on: fc.boolean() }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('coordinate' as const), passing: fc.subarray(IDS) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('kubelet' as const), up: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('adapter' as const), at: fc.constantFrom(0, 1) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(sim: Simulation, step: Step): void {
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
      sim.patchLabels({ [stageLabel('operating', step.id)]: null });
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
function checkSettled(sim: Simulation, before: Simulation): void {
  const labels = new StageLabels(sim.pod.metadata.labels ?? {});
  const was = new StageLabels(before.pod.metadata.labels ?? {});
  const state = podStateOf(sim.pod);
  for (const id of labels.ids()) {
    const stages = labels.stagesOf(id);
    const where = `${id}: ${stages.join(' ')}`;
    expect(labels.isLive(id) || (stages.length === 1 && stages[0] === 'operation-type'), `orphan ${where}`).toBe(true);
    expect(labels.has(id, 'operated'), where).toBe(labels.has(id, 'done-operation-type'));
    if (labels.has(id, 'operate') && !was.has(id, 'operate')) {
      expect(state.gate, `granted with the gate open, ${where}`).not.toBe('True');
      expect(state.finalizers, `granted with traffic on, ${where}`).toEqual([]);
      expect(SERVICE_AVAILABLE_LABEL in state.labels, `granted while available, ${where}`).toBe(false);
    }
    if (labels.has(id, 'operate') && labels.has(id, 'operating')) {
      expect(sim.gate() === 'True' && before.gate() === 'False', `traffic on during ${where}`).toBe(false);
    }
  }
  // The Go implementation's validating webhook must accept what we write (mixed installs during a migration).
  const preChecked = labels.ids().some((id) => labels.has(id, 'pre-checked'));
  expect(preChecked).toBe(labels.permittedTypes().length > 0);
}

test('any interleaving keeps the promises of every write, and reaches rest in service (10 000 runs)', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.subarray(ADAPTERS), fc.boolean(), (steps, expected, gated) => {
      const sim = new Simulation(podWith({ expected, gated }));
      for (const step of steps) {
        const before = new Simulation(sim.pod);
        take(sim, step);
        if (gated && ['begin', 'finish', 'cancel', 'coordinate', 'adapter'].includes(step.do))
          checkSettledIfWritten(sim, before);
      }
      // Rest: every operation is finished or undone by its controller, rules pass, everybody works.
      sim.patchLabels({ [STAY_OFFLINE_LABEL]: null });
      sim.quiesce(undefined, expected);
      for (const id of IDS) if (hasOperation(sim.pod, id)) take(sim, { do: 'finish', id });
      sim.quiesce(undefined, expected);
      for (const id of IDS) sim.patchLabels({ [stageLabel('operation-type', id)]: null });
      expect(sim.stages()).toEqual(['SA']);
    }),
    { numRuns: 10_000, seed: 20_260_723 },
  );
});

function checkSettledIfWritten(sim: Simulation, before: Simulation): void {
  if (sim.writes > 0 && JSON.stringify(sim.pod) !== JSON.stringify(before.pod)) checkSettled(sim, before);
}

test('a settled Pod is at its fixpoint: settling again changes nothing (10 000 random label sets)', () => {
  const keys = [
    ...IDS.flatMap((id) => STAGE_LABELS.map((stage) => stageLabel(stage, id))),
    ...TYPES.map(permissionLabel),
    SERVICE_AVAILABLE_LABEL,
    STAY_OFFLINE_LABEL,
  ];
  const labels = fc
    .subarray(keys)
    .chain((chosen) =>
      fc
        .tuple(...chosen.map((key) => (key.includes('type') ? type : fc.constant('1')).map((value) => [key, value])))
        .map((entries) => Object.fromEntries(entries) as Record<string, string>),
    );
  fc.assert(
    fc.property(
      labels,
      fc.constantFrom('True' as const, 'False' as const, undefined),
      fc.boolean(),
      fc.subarray(ADAPTERS),
      fc.subarray(ADAPTERS),
      fc.subarray(IDS),
      fc.boolean(),
      (labels, gate, ready, expected, finalizers, passing, authoritative) => {
        const sim = new Simulation(podWith({ labels, gate, ready, expected, finalizers }));
        const authority = authoritative ? { passes: ({ id }: { id: string }) => passing.includes(id) } : undefined;
        const first = settle(podStateOf(sim.pod), '2', authority);
        sim.patchLabels(first.labels);
        if (first.gate) sim.setCondition('pod.kusionstack.io/service-ready', first.gate);
        expect(settle(podStateOf(sim.pod), '3', authority)).toEqual({ labels: {} });
      },
    ),
    { numRuns: 10_000, seed: 20_260_724 },
  );
});
