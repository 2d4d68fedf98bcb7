import { LAST_POD_STATUS_ANNOTATION, type Pod } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aMember } from '../../test/builders.ts';
import { deferred, infeasibleReason, type Knowledge, sameImage, sightingOf, unfinished } from './in-place-end.ts';
import { isChangedInPlace, missingResizes } from './in-place-record.ts';

type Status = { imageID?: string; image?: string; containerID?: string; ready?: boolean; state?: object };
const container = (name: string, status: Status) => ({
  name,
  image: 'x',
  imageID: 'id1',
  ready: true,
  restartCount: 0,
  state: { running: {} },
  ...status,
});
const waiting = (reason: string) => ({ ready: false, state: { waiting: { reason } } });

type Given = {
  app?: Status;
  side?: Status;
  image?: string;
  sideImage?: string;
  record?: object;
  /** The generation that the kubelet has seen. That of the spec is 3. */
  seen?: number;
};

/** A Pod whose container `app` changes and whose container `side` does not. */
function aPodWith({ app, side = {}, image = 'app:v2', sideImage = 'side:v1', record, seen }: Given): Pod {
  const statuses = app ? [container('app', app), container('side', side)] : [];
  const pod = aMember({
    id: 0,
    ...(record ? { annotations: { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(record) } } : {}),
    given: {
      spec: {
        containers: [
          { name: 'app', image },
          { name: 'side', image: sideImage },
        ],
        terminationGracePeriodSeconds: 10,
      },
      status: { containerStatuses: statuses, ...(seen === undefined ? {} : { observedGeneration: seen }) } as never,
    },
  });
  return { ...pod, metadata: { ...pod.metadata, generation: 3 } };
}

const old = { image: 'app:v1', imageID: 'id1', containerID: 'c1' };
const recordWith = (before: object, latestImage = 'app:v2') => ({
  containerStates: {
    app: { latestImage, before },
    side: { latestImage: 'side:v1', before: { image: 'side:v1', imageID: 'side', containerID: 's1' } },
  },
});
const record = recordWith(old);
const rolledBack = recordWith({ ...old, passed: ['app:v2'] }, 'app:v1');
const SEEN = 3;
const digest = `sha256:${'a'.repeat(64)}`;

describe('unfinished', () => {
  test.each<{ name: string; given: Given; done: boolean }>([
    { name: 'the content moved and the container is ready', given: { record, app: { imageID: 'id2' } }, done: true },
    { name: 'it is not ready', given: { record, app: { imageID: 'id2', ready: false } }, done: false },
    { name: 'nothing moved', given: { record, seen: SEEN, app: { containerID: 'c1' } }, done: false },
    {
      name: 'the kubelet has seen the spec, has not stopped the container, and its content has the new name as well',
      given: { record, seen: SEEN, app: { containerID: 'c1', image: 'app:v2' } },
      done: false,
    },
    {
      name: 'the image is missing: the kubelet goes on reporting the container it has stopped',
      given: { record, seen: SEEN, app: { containerID: 'c1', ...waiting('ErrImageNeverPull') } },
      done: false,
    },
    {
      name: 'the container died and was started again from the old image',
      given: { record, seen: 2, app: { containerID: 'c9' } },
      done: false,
    },
    { name: 'there is no status yet', given: { record }, done: false },
    {
      name: 'another container fails (T42)',
      given: { record, app: { imageID: 'id2' }, side: { imageID: '', ...waiting('CrashLoopBackOff') } },
      done: true,
    },
    {
      name: 'admission stored another image than requested, and no container has restarted yet (T98)',
      given: { record, seen: 2, image: 'mirror/app:v2', app: { containerID: 'c1' } },
      done: false,
    },
    {
      name: 'admission stored another image than was asked for, and that runs (T98)',
      given: { record, image: 'mirror/app:v2', app: { imageID: 'id2', containerID: 'c2' } },
      done: true,
    },
    {
      name: 'admission stored the image that runs already: no restart will come (T98)',
      given: { record, seen: SEEN, image: 'app:v1', app: { containerID: 'c1' } },
      done: true,
    },
    {
      name: 'admission also changed the image of the other container (T98)',
      given: { record, seen: SEEN, app: { imageID: 'id2' }, sideImage: 'mirror/side:v1', side: { containerID: 's1' } },
      done: false,
    },
    {
      name: 'rolled back before the kubelet saw it: the old container stays',
      given: { record: rolledBack, seen: SEEN, image: 'app:v1', app: { containerID: 'c1' } },
      done: true,
    },
    {
      name: 'rolled back, and the kubelet may still be stopping it for the change between (T49)',
      given: { record: rolledBack, seen: 2, image: 'app:v1', app: { containerID: 'c1' } },
      done: false,
    },
    {
      name: 'rolled back from an image that is missing, and not started again',
      given: { record: rolledBack, seen: SEEN, image: 'app:v1', app: { containerID: 'c1', ...waiting('Missing') } },
      done: false,
    },
    {
      name: 'rolled back from an image that is missing, and started again',
      given: { record: rolledBack, seen: SEEN, image: 'app:v1', app: { containerID: 'c2', image: 'app:v1' } },
      done: true,
    },
    {
      name: 'the content of the change between runs, not that of the last one',
      given: {
        record: recordWith({ ...old, passed: ['app:v2'] }, 'app:v3'),
        seen: SEEN,
        image: 'app:v3',
        app: { imageID: 'id2', containerID: 'c2', image: 'app:v2' },
      },
      done: false,
    },
    {
      name: 'the digest asked for runs, whatever was asked for before',
      given: {
        record: recordWith({ ...old, passed: ['app:v2'] }, 'app:v3'),
        seen: 2,
        image: `app:v3@${digest}`,
        app: { imageID: `docker.io/library/app@${digest}`, containerID: 'c2' },
      },
      done: true,
    },
  ])('$name: done is $done', ({ given, done }) => {
    const hold = unfinished(aPodWith(given));
    expect(hold === undefined ? 'done' : hold.reason).toEqual(done ? 'done' : expect.stringMatching(/^(?!done)/));
  });

  const byGo = {
    containerStates: { app: { latestImage: 'app:v2', lastImageID: 'id1' }, side: { latestImage: 'side:v1' } },
  };
  test('reads the records of the Go implementation', () => {
    expect(unfinished(aPodWith({ record: byGo, app: { imageID: 'id9' } }))).toBeUndefined();
    expect(unfinished(aPodWith({ record: byGo, app: { imageID: 'id1' } }))).toBeDefined();
    expect(unfinished(aPodWith({ record: byGo, image: 'mirror/app:v2', app: { imageID: 'id1' } }))).toBeDefined();
  });

  test('treats a change with a missing or broken record as not finished (T45)', () => {
    const pod = aPodWith({ app: { imageID: 'id9' } });
    expect(unfinished(pod)?.reason).toBe('has no record of the change');
    expect(isChangedInPlace(pod)).toBe(false);
    expect(unfinished(aMember({ id: 0, annotations: { [LAST_POD_STATUS_ANNOTATION]: '{' } }))).toBeDefined();
  });

  test('finishes a change of metadata immediately (T44)', () => {
    expect(unfinished(aPodWith({ record: {}, app: {} }))).toBeUndefined();
  });

  test('gives the reason why the kubelet does not start the new image', () => {
    expect(unfinished(aPodWith({ record, app: { containerID: 'c1', ...waiting('ErrImagePull') } }))?.reason).toBe(
      'container app does not run app:v2 (ErrImagePull)',
    );
  });
});

describe('an image with the same content under another name', () => {
  const at = (pod: Pod, nowMs: number, knowledge: Partial<Knowledge> = {}) => unfinished(pod, { nowMs, ...knowledge });
  const running = (containerID: string, seen = SEEN) =>
    aPodWith({ record, seen, app: { containerID, image: 'app:v2' } });

  test('accepts a container that started after the kubelet had seen the change', () => {
    const sighting = sightingOf(running('c1'), undefined, 0);
    expect(at(running('c1'), 1, { sighting })).toBeDefined();
    expect(at(running('c2'), 1, { sighting })).toBeUndefined();
  });

  test('accepts an earlier container only after the time in which the kubelet would have stopped it', () => {
    const sighting = sightingOf(running('c2'), undefined, 1000);
    expect(at(running('c2'), 1000, { sighting })?.againMs).toBe(12_000);
    expect(at(running('c2'), 12_999, { sighting })).toBeDefined();
    expect(at(running('c2'), 13_000, { sighting })).toBeUndefined();
    expect(at(running('c3'), 2000, { sighting })).toBeUndefined();
  });

  test('ignores what the kubelet reports before it has seen the change', () => {
    expect(sightingOf(running('c9', 2), undefined, 0)).toBeUndefined();
    expect(at(running('c9', 2), 1_000_000)).toBeDefined();
  });

  test('keeps the first sighting of each change', () => {
    const first = sightingOf(running('c1'), undefined, 0);
    expect(sightingOf(running('c2'), first, 5)).toBe(first);
    const other = aPodWith({ record: rolledBack, seen: SEEN, image: 'app:v1', app: { containerID: 'c2' } });
    expect(sightingOf(other, first, 5)).toMatchObject({ atMs: 5 });
  });
});

describe('a resize', () => {
  const wanted = { requests: { cpu: '2' }, limits: {} };
  const resized = (specCpu: string, statusCpu: string, more: object = {}) =>
    aMember({
      id: 0,
      annotations: { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify({ resize: { app: wanted } }) },
      given: {
        spec: { containers: [{ name: 'app', image: 'app:v1', resources: { requests: { cpu: specCpu } } }] },
        status: {
          containerStatuses: [{ ...container('app', {}), resources: { requests: { cpu: statusCpu } } }] as never,
          ...more,
        },
      },
    });
  const condition = (type: string, reason = '', more: object = {}) => ({
    conditions: [{ type, status: 'True' as const, reason, ...more }],
  });

  test.each([
    { name: 'is not written yet', pod: resized('1', '1'), missing: 1, done: false },
    { name: 'is not followed yet', pod: resized('2', '1'), missing: 0, done: false },
    { name: 'is followed', pod: resized('2', '2000m'), missing: 0, done: true },
    { name: 'is under way', pod: resized('2', '2', condition('PodResizeInProgress')), missing: 0, done: false },
    {
      name: 'is followed with amounts the kubelet rounded',
      pod: resized('2', '1999m', { observedGeneration: 3 }),
      missing: 0,
      done: true,
    },
    {
      name: 'waits for room on the node',
      pod: resized('2', '1', { observedGeneration: 3, ...condition('PodResizePending', 'Deferred') }),
      missing: 0,
      done: false,
    },
  ])('$name: done is $done', ({ pod, missing, done }) => {
    expect(missingResizes(pod)).toHaveLength(missing);
    expect(unfinished(pod) === undefined).toBe(done);
    expect(infeasibleReason(pod)).toBeUndefined();
  });

  test('is written once if admission changes its amounts, and finished when the kubelet applies these (T98)', () => {
    const stored = resized('1500m', '1');
    const answered = stored.metadata.annotations?.[LAST_POD_STATUS_ANNOTATION];
    expect(missingResizes(stored, answered)).toEqual([]);
    expect(missingResizes(stored, 'another record')).toHaveLength(1);
    expect(unfinished(stored, { nowMs: 0, answered })).toBeDefined();
    expect(unfinished(resized('1500m', '1500m'), { nowMs: 0, answered })).toBeUndefined();
  });

  test('that the node can never fit is distinguished from one that has to wait', () => {
    expect(infeasibleReason(resized('2', '1', condition('PodResizePending', 'Infeasible')))).toMatch(/is too small/);
    const since = { lastTransitionTime: '2026-01-01T00:00:00Z' };
    const pod = resized('2', '1', condition('PodResizePending', 'Deferred', since));
    expect(deferred(pod)?.sinceMs).toBe(Date.parse(since.lastTransitionTime));
  });
});

test.each([
  ['nginx', 'docker.io/library/nginx:latest', true],
  ['nginx:1.25', 'docker.io/library/nginx:1.25', true],
  ['acme/app:1', 'docker.io/acme/app:1', true],
  ['registry.io:5000/app', 'registry.io:5000/app:latest', true],
  ['nginx:1.25', 'nginx:1.26', false],
  ['localhost/app:1', 'docker.io/localhost/app:1', false],
])('%s and %s are the same image: %s', (a, b, same) => {
  expect(sameImage(a, b)).toBe(same);
});
