import { LAST_POD_STATUS_ANNOTATION, PREPARING_TO_DELETE_LABEL, REVISION_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aMember, aRevision } from '../test/builders.ts';
import { inPlacePatch, leavesContainersAlone, planTransition, type Transition } from './in-place.ts';
import { infeasibleReason, isChangedInPlace, missingResizes, sameImage, unfinishedReason } from './in-place-record.ts';

type Template = {
  metadata?: object;
  spec: { containers: { name: string; image: string; [field: string]: unknown }[]; [field: string]: unknown };
};
const base: Template = {
  metadata: { labels: { app: 'web' }, annotations: { note: 'a' } },
  spec: {
    containers: [
      { name: 'app', image: 'app:v1' },
      { name: 'side', image: 'side:v1' },
    ],
  },
};
const revision = (template: Template, spec: object = {}) => aRevision('r', { template, ...spec } as never);
const to = (change: (template: Template) => void) => {
  const template = structuredClone(base);
  change(template);
  return planTransition(revision(base), revision(template));
};

type InPlace = Transition & { mode: 'in-place' };
function inPlace(given: Partial<InPlace> = {}): InPlace {
  const nothing = { labels: {}, annotations: {}, images: [], sidecars: [], resize: [], resources: [], grows: [] };
  return { mode: 'in-place', ...nothing, ...given };
}

describe('planTransition', () => {
  test('changes images in place, only those that differ', () => {
    const transition = to((template) => {
      template.spec.containers[0] = { name: 'app', image: 'app:v2' };
    });
    expect(transition).toEqual(inPlace({ images: [{ name: 'app', image: 'app:v2' }], resources: expect.anything() }));
  });

  test('changes labels and annotations in place; what the template drops goes', () => {
    const transition = to((template) => {
      template.metadata = { labels: { app: 'web', tier: 'x' }, annotations: {} };
    });
    expect(transition).toEqual(
      inPlace({ labels: { tier: 'x' }, annotations: { note: null }, resources: expect.anything() }),
    );
  });

  test('never touches the labels that are the controller’s own', () => {
    const transition = to((template) => {
      template.metadata = {
        labels: { app: 'web', 'collaset.kusionstack.io/instance-id': '7' },
        annotations: { note: 'a' },
      };
    });
    expect(transition).toMatchObject({ mode: 'in-place', labels: {} });
  });

  const app = { name: 'app', image: 'app:v1' };
  const side = { name: 'side', image: 'side:v1' };
  test.each([
    {
      name: 'env',
      spec: { containers: [{ ...app, env: [{ name: 'A', value: '1' }] }, side] },
      reason: 'spec.containers[0].env differs',
    },
    {
      name: 'a container more',
      spec: { containers: [app, side, { name: 'new', image: 'x' }] },
      reason: 'spec.containers differs',
    },
    { name: 'another order', spec: { containers: [side, app] }, reason: 'spec.containers[0].name differs' },
    {
      name: 'the image of an init container',
      spec: { containers: [app, side], initContainers: [{ name: 'i', image: 'i:v1' }] },
      reason: 'spec.initContainers differs',
    },
    {
      name: 'tolerations',
      spec: { containers: [app, side], tolerations: [{ key: 'a' }] },
      reason: 'spec.tolerations differs',
    },
  ])('makes the Pod anew for $name, and says so (T46)', ({ spec, reason }) => {
    const change = (template: Template) => {
      template.spec = spec;
    };
    expect(to(change)).toEqual({ mode: 'recreate', reason });
  });

  const sized = (cpu: string, more: object = {}) => ({
    ...app,
    resources: { requests: { cpu, memory: '1Gi' }, ...more },
  });
  const between = (from: object, to: object) =>
    planTransition(revision({ spec: from } as Template), revision({ spec: to } as Template));

  test('resizes in place what asks for other CPU or memory, limits standing in for requests', () => {
    const transition = between(
      { containers: [sized('100m'), { ...side, resources: { limits: { cpu: '1' } } }] },
      { containers: [sized('200m'), { ...side, resources: { limits: { cpu: '2' } } }] },
    );
    expect(transition).toMatchObject({
      mode: 'in-place',
      images: [],
      resize: [
        { name: 'app', resources: { requests: { cpu: '200m', memory: '1Gi' }, limits: {} } },
        { name: 'side', resources: { requests: { cpu: '2' }, limits: { cpu: '2' } } },
      ],
    });
  });

  test('another spelling of the same amount is no resize', () => {
    expect(between({ containers: [sized('0.1')] }, { containers: [sized('100m')] })).toMatchObject({ resize: [] });
  });

  test.each([
    {
      name: 'a limit that is dropped',
      from: sized('1', { limits: { cpu: '2' } }),
      to: sized('1'),
      reason: 'container app drops its limits of cpu',
    },
    { name: 'another QoS class', from: app, to: sized('1'), reason: 'the Pod would become Burstable' },
    {
      name: 'a kind that cannot be resized',
      from: sized('1'),
      to: sized('1', { requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' } }),
      reason: 'spec.containers[0].resources.requests.ephemeral-storage differs',
    },
  ])('makes the Pod anew for $name (T46)', ({ from, to, reason }) => {
    const transition = between({ containers: [from] }, { containers: [to] });
    expect(transition).toMatchObject({ mode: 'recreate', reason: expect.stringContaining(reason) });
  });

  const sidecar = (image: string, more: object = {}) => ({ name: 'proxy', image, restartPolicy: 'Always', ...more });
  test('changes a sidecar in place, an init container that has run does not', () => {
    expect(
      between(
        { containers: [app], initContainers: [sidecar('p:v1')] },
        { containers: [app], initContainers: [sidecar('p:v2')] },
      ),
    ).toMatchObject({ mode: 'in-place', images: [], sidecars: [{ name: 'proxy', image: 'p:v2' }] });
    expect(
      between(
        { containers: [app], initContainers: [{ name: 'i', image: 'i:v1' }] },
        { containers: [app], initContainers: [{ name: 'i', image: 'i:v2' }] },
      ),
    ).toEqual({ mode: 'recreate', reason: 'spec.initContainers[0].image differs' });
  });

  const claim = (name: string, storage: string, more: object = {}) => ({
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, ...more },
  });
  test.each([
    { name: 'more storage', to: [claim('d', '2Gi')], grows: ['d'] },
    { name: 'the same in another spelling', to: [claim('d', '1024Mi')], grows: [] },
    { name: 'less storage', to: [claim('d', '1Mi')], grows: undefined },
    { name: 'another class', to: [claim('d', '2Gi', { storageClassName: 'x' })], grows: undefined },
    {
      name: 'a template more, the Pod template being equal',
      to: [claim('d', '1Gi'), claim('e', '1Gi')],
      grows: undefined,
    },
  ])('claims with $name: $grows grow', ({ to, grows }) => {
    const transition = planTransition(
      revision(base, { volumeClaimTemplates: [claim('d', '1Gi')] }),
      revision(base, { volumeClaimTemplates: to }),
    );
    expect(transition.mode === 'in-place' ? transition.grows : undefined).toEqual(grows);
    if (transition.mode === 'in-place') expect(leavesContainersAlone(transition)).toBe((grows ?? []).length > 0);
  });

  test('makes the Pod anew for another claim template, even with another image (T63)', () => {
    const claims = { volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: {} }] };
    expect(planTransition(revision(base), revision(base, claims))).toMatchObject({ mode: 'recreate' });
  });

  test('makes the Pod anew when its revision is unknown', () => {
    expect(planTransition(undefined, revision(base))).toMatchObject({ mode: 'recreate' });
  });

  test('sees no difference in the order of volumes’ fields or in defaults left out (T47, T48)', () => {
    const a = revision({
      spec: {
        ...base.spec,
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'w', hostPath: { path: '/x', type: '' } },
        ],
      },
    });
    const b = revision({
      spec: {
        volumes: [
          { emptyDir: {}, name: 'v' },
          { hostPath: { path: '/x' }, name: 'w' },
        ],
        ...base.spec,
      },
    });
    expect(planTransition(a, b)).toMatchObject({ mode: 'in-place', images: [] });
  });
});

const side = { name: 'side', image: 'side:v1' };
const pod = (status: object[] = [], annotation?: object, image = 'app:v1') =>
  aMember({
    id: 0,
    ...(annotation ? { annotations: { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify(annotation) } } : {}),
    given: { spec: { containers: [{ name: 'app', image }, side] }, status: { containerStatuses: status as never } },
  });
const running = (name: string, imageID: string, more: object = {}) => ({
  name,
  image: 'x',
  imageID,
  ready: true,
  restartCount: 0,
  ...more,
});

describe('inPlacePatch', () => {
  test('carries image, revision and record in one write, refused on a stale Pod (T43)', () => {
    const transition = inPlace({ labels: { tier: 'x' }, images: [{ name: 'app', image: 'app:v2' }] });
    const seen = pod([running('app', 'id1', { containerID: 'c1' }), running('side', 'id2', { containerID: 'c2' })]);
    const patch = inPlacePatch(seen, 'web-2', transition, {});
    expect(patch).toMatchObject({
      metadata: { resourceVersion: '1', labels: { tier: 'x', [REVISION_LABEL]: 'web-2' } },
      spec: { containers: [{ name: 'app', image: 'app:v2' }] },
    });
    expect(JSON.parse(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION] ?? '')).toEqual({
      containerStates: {
        app: { latestImage: 'app:v2', lastImageID: 'id1', lastContainerID: 'c1', changed: true },
        side: { latestImage: 'side:v1', changed: false },
      },
    });
  });

  test('writes an empty record and no spec when only metadata changes (T44)', () => {
    const transition = inPlace({ labels: { tier: 'x' } });
    const patch = inPlacePatch(pod(), 'web-2', transition, { [PREPARING_TO_DELETE_LABEL]: null });
    expect(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION]).toBe('{}');
    expect(patch).not.toHaveProperty('spec');
    expect(patch.metadata.labels).not.toHaveProperty(PREPARING_TO_DELETE_LABEL);
  });
});

describe('unfinishedReason', () => {
  const changed = { latestImage: 'app:v2', lastImageID: 'id1', lastContainerID: 'c1', changed: true };
  const record = { containerStates: { app: changed, side: { latestImage: 'side:v1', changed: false } } };
  const byGo = {
    containerStates: { app: { latestImage: 'app:v2', lastImageID: 'id1' }, side: { latestImage: 'side:v1' } },
  };
  const ok = running('side', 'id2');

  test.each([
    { name: 'the image id moved', status: [running('app', 'id9'), ok], done: true },
    { name: 'nothing moved', status: [running('app', 'id1', { containerID: 'c1' }), ok], done: false },
    {
      name: 'another tag has the same content: the container is a new one',
      status: [running('app', 'id1', { containerID: 'c9' }), ok],
      done: true,
    },
    {
      name: 'another tag has the same content: the kubelet reports the image',
      status: [running('app', 'id1', { containerID: 'c1', image: 'docker.io/library/app:v2' }), ok],
      done: true,
    },
    { name: 'the image cannot be pulled', status: [running('app', ''), ok], done: false },
    {
      name: 'a sidecar has troubles of its own (T42)',
      status: [running('app', 'id9'), running('side', '')],
      done: true,
    },
    { name: 'there is no status yet', status: [], done: false },
  ])('$name: done is $done', ({ status, done }) => {
    expect(unfinishedReason(pod(status, record, 'app:v2')) === undefined).toBe(done);
  });

  test('reads the records of the Go implementation', () => {
    expect(unfinishedReason(pod([running('app', 'id9'), ok], byGo, 'app:v2'))).toBeUndefined();
    expect(unfinishedReason(pod([running('app', 'id1'), ok], byGo, 'app:v2'))).toBeDefined();
  });

  test('a missing or broken record means not finished (T45)', () => {
    const status = [running('app', 'id9'), ok];
    expect(unfinishedReason(pod(status))).toBe('has no record of the change');
    expect(isChangedInPlace(pod(status))).toBe(false);
    const broken = aMember({ id: 0, annotations: { [LAST_POD_STATUS_ANNOTATION]: '{' } });
    expect(unfinishedReason(broken)).toBeDefined();
  });

  test('a change of metadata alone is finished at once (T44)', () => {
    expect(unfinishedReason(pod([running('app', 'id1'), ok], {}))).toBeUndefined();
  });

  test('an image rolled back before the kubelet saw it counts only once the kubelet has seen the spec (T49)', () => {
    const back = {
      containerStates: { app: { latestImage: 'app:v1', lastImageID: 'id1', lastContainerID: 'c1', changed: true } },
    };
    const status = [running('app', 'id1', { containerID: 'c1', image: 'app:v1' }), ok];
    const behind = pod(status, back);
    const seen = {
      ...behind,
      metadata: { ...behind.metadata, generation: 3 },
      status: { ...behind.status, observedGeneration: 2 },
    };
    expect(unfinishedReason(seen)).toBeDefined();
    expect(unfinishedReason({ ...seen, status: { ...seen.status, observedGeneration: 3 } })).toBeUndefined();
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
          containerStatuses: [running('app', 'id', { resources: { requests: { cpu: statusCpu } } })] as never,
          ...more,
        },
      },
    });
  const condition = (type: string, reason = '') => ({ conditions: [{ type, status: 'True' as const, reason }] });

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
    expect(unfinishedReason(pod) === undefined).toBe(done);
    expect(infeasibleReason(pod)).toBeUndefined();
  });

  test('that the node can never hold is given up', () => {
    expect(infeasibleReason(resized('2', '1', condition('PodResizePending', 'Infeasible')))).toMatch(/cannot hold it/);
  });

  test('that was not written goes on to the size of the next revision', () => {
    const resources = [{ name: 'app', resources: { requests: { cpu: '3' }, limits: {} } }];
    const patch = inPlacePatch(resized('1', '1'), 'web-3', inPlace({ resources }), {});
    expect(JSON.parse(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION] ?? '')).toEqual({
      resize: { app: { requests: { cpu: '3' }, limits: {} } },
    });
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
