// All conditions of a set in every situation. They must not contradict each other.
import { COLLA_SETS, type CollaSet, PODS, type Pod } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../test/builders.ts';
import { type KStatus, kstatusOf } from '../test/kstatus.ts';
import { anew, template } from '../test/scenarios.ts';
import { World } from '../test/world.ts';

type Spec = Parameters<typeof aSet>[0];
/** `status reason` of the condition; undefined if the set lacks it. */
type Said = Record<
  'Scale' | 'Update' | 'Available' | 'Progressing' | 'Reconciling' | 'Stalled' | 'Terminating',
  string | undefined
>;

const v2 = { template: template('app:v2') };
const invalid = { status: 422, reason: 'Invalid', message: 'spec.containers[0].image: Required value' };
const quota = { status: 403, reason: 'Forbidden', message: 'pods "x" is forbidden: exceeded quota: few' };
const COMPLETE: Said = {
  Scale: 'True Scaled',
  Update: 'True Updated',
  Available: 'True ReplicasAvailable',
  Progressing: 'True Complete',
  Reconciling: 'False Complete',
  Stalled: 'False NotStalled',
  Terminating: undefined,
};
const UNDER_WAY = { ...COMPLETE, Progressing: 'True InProgress', Reconciling: 'True InProgress' };
const PAUSED = { ...COMPLETE, Progressing: 'Unknown Paused', Reconciling: 'True Paused' };
const UNAVAILABLE = { Available: 'False ReplicasUnavailable' };

const refuse = (world: World, error: typeof invalid, dryRun = false) =>
  world.cluster.failWrite({ verb: 'create', resource: 'pods', times: 10_000, error, dryRun });
/** Alternates passes and the simulation, for a set that does not settle. */
async function some(world: World, passes = 6): Promise<void> {
  for (let i = 0; i < passes; i++) {
    await world.pass();
    world.others();
    world.clock.advance(11_000);
  }
  await world.pass();
}

const SITUATIONS: readonly {
  name: string;
  spec?: Spec;
  /** Runs before the first pass. */
  before?: (world: World) => void;
  act?: (world: World) => void;
  said: Said;
  kstatus: KStatus;
  /** Expected messages of conditions. */
  texts?: Partial<Record<keyof Said, RegExp>>;
}[] = [
  { name: 'complete', said: COMPLETE, kstatus: 'Current' },
  { name: 'complete, with no replicas', spec: { replicas: 0 }, said: COMPLETE, kstatus: 'Current' },
  {
    name: 'new, with Pods that do not start',
    before: (world) => {
      world.stuck.add('app:v1');
    },
    said: { ...UNDER_WAY, ...UNAVAILABLE },
    kstatus: 'InProgress',
    texts: { Available: /^0 of 2 Pods are available; 2 Pods: /, Update: /^2 Pods: / },
  },
  {
    name: 'new, with a template the API server refuses',
    before: (world) => refuse(world, invalid),
    said: {
      ...COMPLETE,
      ...UNAVAILABLE,
      Scale: 'False ScaleOutFailed',
      Progressing: 'False ScaleOutFailed',
      Reconciling: 'False NotInProgress',
      Stalled: 'True ScaleOutFailed',
    },
    kstatus: 'Failed',
    texts: { Stalled: /Required value/ },
  },
  {
    name: 'new, with a quota that is full',
    before: (world) => refuse(world, quota),
    said: { ...UNDER_WAY, ...UNAVAILABLE, Scale: 'False ScaleOutFailed' },
    kstatus: 'InProgress',
    texts: { Reconciling: /API server refuses a new Pod: .*exceeded quota/ },
  },
  {
    name: 'an update the API server refuses',
    act(world) {
      refuse(world, invalid, true);
      world.edit({ template: anew });
    },
    said: {
      ...COMPLETE,
      Update: 'False UpdateFailed',
      Progressing: 'False UpdateFailed',
      Reconciling: 'False NotInProgress',
      Stalled: 'True UpdateFailed',
    },
    kstatus: 'Failed',
  },
  {
    name: 'an update that InPlaceOnly does not allow',
    spec: { updateStrategy: { podUpgradePolicy: 'InPlaceOnly' } },
    act: (world) => world.edit({ template: anew }),
    said: {
      ...COMPLETE,
      Update: 'False UpdateFailed',
      Progressing: 'False UpdateFailed',
      Reconciling: 'False NotInProgress',
      Stalled: 'True UpdateFailed',
    },
    kstatus: 'Failed',
    texts: { Stalled: /cannot be updated in place/ },
  },
  {
    name: 'an update whose Pods are all held',
    act(world) {
      world.permits = false;
      world.edit(v2);
    },
    said: { ...UNDER_WAY, Update: 'Unknown Updating' },
    kstatus: 'InProgress',
    texts: { Update: /^2 Pods: podopslifecycle-coordinator has not passed its PreCheck/ },
  },
  {
    name: 'an update the kubelet does not follow',
    act(world) {
      world.stuck.add('app:v2');
      world.edit(v2);
    },
    said: { ...UNDER_WAY, ...UNAVAILABLE, Update: 'Unknown Updating' },
    kstatus: 'InProgress',
    texts: { Update: /^2 Pods: kubelet has not finished the change in place: container app still runs/ },
  },
  {
    name: 'an update while paused',
    act: (world) => world.edit({ ...v2, paused: true }),
    said: { ...PAUSED, Update: 'Unknown Paused' },
    kstatus: 'InProgress',
    texts: { Update: /^the set is paused$/, Reconciling: /2 of 2 Pods available, 0 updated; the set is paused$/ },
  },
  {
    name: 'more replicas while paused',
    act: (world) => world.edit({ replicas: 3, paused: true }),
    said: { ...PAUSED, ...UNAVAILABLE, Scale: 'Unknown Paused' },
    kstatus: 'InProgress',
  },
  {
    name: 'fewer replicas while paused',
    act: (world) => world.edit({ replicas: 1, paused: true }),
    said: { ...PAUSED, Scale: 'Unknown Paused' },
    kstatus: 'InProgress',
  },
  {
    name: 'paused with nothing to do',
    act: (world) => world.edit({ paused: true }),
    said: { ...PAUSED, Reconciling: 'False Complete' },
    kstatus: 'Current',
  },
  {
    name: 'updated as far as the partition asks',
    spec: { updateStrategy: { rollingUpdate: { byPartition: { partition: 1 } } } },
    act: (world) => world.edit(v2),
    said: COMPLETE,
    kstatus: 'Current',
    texts: { Update: /^Pod web-\w+: held back by partition 1$/ },
  },
  {
    name: 'fewer replicas that are held',
    act(world) {
      world.permits = false;
      world.edit({ replicas: 1 });
    },
    said: { ...UNDER_WAY, Scale: 'Unknown Scaling' },
    kstatus: 'InProgress',
    texts: { Scale: /^Pod web-\w+: podopslifecycle-coordinator has not passed its PreCheck/ },
  },
  {
    name: 'an update that is overdue',
    spec: { progressDeadlineSeconds: 30 },
    act(world) {
      world.permits = false;
      world.replica.stopped.add('podopslifecycle-coordinator');
      world.edit(v2);
    },
    said: {
      ...COMPLETE,
      Update: 'Unknown Updating',
      Progressing: 'False ProgressDeadlineExceeded',
      Reconciling: 'False NotInProgress',
      Stalled: 'True ProgressDeadlineExceeded',
    },
    kstatus: 'Failed',
    texts: { Stalled: /2 Pods: podopslifecycle-coordinator is not running/ },
  },
  {
    name: 'being deleted',
    act(world) {
      world.permits = false;
      world.cluster.change<CollaSet>(COLLA_SETS, world.key, (set) => ({
        ...set,
        metadata: { ...set.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
      }));
    },
    said: {
      Scale: 'Unknown Terminating',
      Update: 'Unknown Terminating',
      Available: 'False Terminating',
      Progressing: 'True Terminating',
      Reconciling: 'True Terminating',
      Stalled: 'False NotStalled',
      Terminating: 'False ReclaimingTargetsDeletion',
    },
    kstatus: 'Terminating',
    texts: { Terminating: /^2 Pods: podopslifecycle-coordinator has not passed its PreCheck/ },
  },
];

describe('the conditions of a set', () => {
  test.each(SITUATIONS)('$name: $kstatus', async ({ spec, before, act, said, kstatus, texts = {} }) => {
    const world = new World(aSet({ template: template('app:v1'), replicas: 2, ...spec }));
    before?.(world);
    await some(world, 8);
    act?.(world);
    if (act) await some(world, 8);
    const conditions = world.set().status?.conditions ?? [];
    const short = (type: string) => {
      const found = conditions.find((condition) => condition.type === type);
      return found && `${found.status} ${found.reason}`;
    };
    expect(Object.fromEntries(Object.keys(said).map((type) => [type, short(type)]))).toEqual(said);
    expect(kstatusOf(world.set())).toBe(kstatus);
    for (const [type, text] of Object.entries(texts)) {
      expect(conditions.find((condition) => condition.type === type)?.message).toMatch(text);
    }
    for (const { message = '' } of conditions) expect(message.length).toBeLessThan(1200);
  });
});

test('reports an overdue wait once as a Warning, with its cause', async () => {
  const world = new World(aSet({ template: template('app:v1'), replicas: 2, progressDeadlineSeconds: 30 }));
  await some(world);
  world.permits = false;
  world.edit(v2);
  await some(world, 10);
  const told = world.replica.notes.filter((note) => note.startsWith('ProgressDeadlineExceeded'));
  expect(told).toEqual([expect.stringMatching(/no progress: 2 Pods: podopslifecycle-coordinator has not passed/)]);
  expect(world.replica.warnings).toContain('ProgressDeadlineExceeded');
});

describe('what a set waits for', () => {
  const waitingFor = (reason: string) => ({ waiting: { reason, message: 'x' } });

  test('names a kubelet that cannot pull an image before the rules that hold other Pods', async () => {
    const world = new World(aSet({ template: template('app:v1'), replicas: 3 }));
    await some(world);
    world.stuck.add('app:typo');
    world.edit({ template: template('app:typo') });
    await world.pass();
    const [first, ...others] = world.active();
    world.permits = true;
    world.others();
    await world.pass();
    for (const pod of others) {
      const detail = {
        stage: 'PreCheck',
        passed: false,
        rejectInfo: [{ ruleName: 'budget', reason: 'rule budget: 1 of 1 used' }],
      };
      world.cluster.change<Pod>(PODS, `default/${pod.metadata.name}`, () => ({
        ...pod,
        metadata: {
          ...pod.metadata,
          annotations: {
            ...pod.metadata.annotations,
            'detail.podtransitionrule.kusionstack.io/web': JSON.stringify(detail),
          },
        },
      }));
    }
    const containerStatuses = [
      {
        name: 'app',
        image: 'app:typo',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: waitingFor('ImagePullBackOff'),
      },
    ];
    world.cluster.change<Pod>(PODS, `default/${first?.metadata.name}`, (pod) => ({
      ...pod,
      status: { ...pod.status, containerStatuses, conditions: [{ type: 'Ready', status: 'False' }] },
    }));
    world.clock.advance(20_000);
    await world.pass();
    // Messages that change at the same time are written together.
    world.clock.advance(1000);
    await world.pass();
    expect(world.condition('Update')).toMatch(
      /^Unknown Updating Pod web-\w+: kubelet cannot pull app:typo \(ErrImagePull\)[^;]*; 2 Pods: rule web\/budget: 1 of 1 used/,
    );
  });

  test('reports how long a scale-in waits for its delay', async () => {
    const world = new World(
      aSet({ template: template('app:v1'), replicas: 2, scaleStrategy: { operationDelaySeconds: 300 } }),
    );
    await some(world);
    world.edit({ replicas: 1 });
    await some(world, 3);
    expect(world.condition('Scale')).toMatch(
      /^Unknown Scaling Pod web-\w+: permitted, and waits for operationDelaySeconds \(300 s, until 2026-01-01T\d\d:\d\d:\d\dZ\)/,
    );
  });

  test('rarely writes the status if only texts change', async () => {
    const world = new World(aSet({ template: template('app:v1'), replicas: 1 }));
    world.stuck.add('app:v1');
    await some(world);
    world.takeWrites();
    const pod = world.active()[0];
    for (let i = 0; i < 40; i++) {
      const state = waitingFor(i % 2 === 0 ? 'InvalidImageName' : 'CreateContainerConfigError');
      world.cluster.change<Pod>(PODS, `default/${pod?.metadata.name}`, (now) => ({
        ...now,
        status: {
          ...now.status,
          containerStatuses: [{ name: 'app', image: '', imageID: '', ready: false, restartCount: 0, state }],
        },
      }));
      await world.pass();
      world.clock.advance(1000);
    }
    expect(world.takeWrites()['patch collasets/status']).toBeLessThanOrEqual(4);
  });
});

test('reports Pods that a changed selector left behind as long as they run', async () => {
  const world = new World(aSet({ template: template('app:v1'), replicas: 2 }));
  await some(world);
  const left = world
    .active()
    .map(({ metadata }) => metadata.name ?? '')
    .toSorted();
  const other = template('app:v1');
  world.edit({
    selector: { matchLabels: { app: 'other' } },
    template: { ...other, metadata: { labels: { app: 'other' } } },
  });
  await some(world);
  const text = `2 Pods keep running outside the set, because spec.selector no longer matches: ${left.join(', ')}`;
  expect(world.replica.notes.filter((note) => note.startsWith('TargetReleased'))).toEqual([`TargetReleased: ${text}`]);
  expect(world.condition('Scale')).toBe(`True Scaled ${text}`);
  world.restart();
  await world.pass();
  expect(world.condition('Scale')).toBe(`True Scaled ${text}`);
  for (const name of left) world.cluster.remove(PODS, `default/${name}`);
  await some(world);
  expect(world.condition('Scale')).toBe('True Scaled');
});
