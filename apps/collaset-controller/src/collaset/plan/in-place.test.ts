import { LAST_POD_STATUS_ANNOTATION, PREPARING_TO_DELETE_LABEL, REVISION_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aMember, aRevision } from '../../test/builders.ts';
import { inPlacePatch, leavesContainersAlone, planTransition, type Transition } from './in-place.ts';

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
  test('changes only the images that differ', () => {
    const transition = to((template) => {
      template.spec.containers[0] = { name: 'app', image: 'app:v2' };
    });
    expect(transition).toEqual(inPlace({ images: [{ name: 'app', image: 'app:v2' }], resources: expect.anything() }));
  });

  test('changes labels and annotations in place, and removes those that the template drops', () => {
    const transition = to((template) => {
      template.metadata = { labels: { app: 'web', tier: 'x' }, annotations: {} };
    });
    expect(transition).toEqual(
      inPlace({ labels: { tier: 'x' }, annotations: { note: null }, resources: expect.anything() }),
    );
  });

  test('does not change labels that the controller sets', () => {
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
  ])('recreates the Pod for $name, and gives the reason (T46)', ({ spec, reason }) => {
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

  test.each([
    { name: 'kept as it is given', from: 'latest', was: 'Always', to: 'v2', is: 'Always', mode: 'in-place' },
    { name: 'left to the image', from: 'latest', was: undefined, to: 'v2', is: undefined, mode: 'in-place' },
    { name: 'written out', from: 'v1', was: undefined, to: 'v2', is: 'IfNotPresent', mode: 'in-place' },
    { name: 'left away', from: 'latest', was: 'Always', to: 'latest', is: undefined, mode: 'in-place' },
    { name: 'changed', from: 'v1', was: undefined, to: 'v2', is: 'Always', mode: 'recreate' },
  ])('with another image, the pull policy may be $name: $mode', ({ from, was, to, is, mode }) => {
    const pulling = (tag: string, imagePullPolicy: string | undefined) => ({
      containers: [{ ...app, image: `app:${tag}`, ...(imagePullPolicy ? { imagePullPolicy } : {}) }],
    });
    expect(between(pulling(from, was), pulling(to, is)).mode).toBe(mode);
  });

  test('ignores a default that is written out together with another image (T108)', () => {
    const probe = { httpGet: { port: 80 } };
    const written = { ...probe, periodSeconds: 10, httpGet: { port: 80, scheme: 'HTTP', path: '/' } };
    const transition = between(
      { containers: [{ ...app, readinessProbe: probe }] },
      { containers: [{ ...app, image: 'app:v2', readinessProbe: written }], restartPolicy: 'Always' },
    );
    expect(transition).toMatchObject({ mode: 'in-place', images: [{ name: 'app', image: 'app:v2' }] });
  });

  test('resizes containers with other CPU or memory in place, and uses limits for missing requests', () => {
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

  test('does not resize for another spelling of the same amount', () => {
    expect(between({ containers: [sized('0.1')] }, { containers: [sized('100m')] })).toMatchObject({ resize: [] });
  });

  test.each([
    {
      name: 'a limit that is dropped',
      from: sized('1', { limits: { cpu: '2' } }),
      to: sized('1'),
      reason: 'container app drops its limits of cpu',
    },
    { name: 'another QoS class', from: app, to: sized('1'), reason: 'the QoS class of the Pod would become Burstable' },
    {
      name: 'a kind that cannot be resized',
      from: sized('1'),
      to: sized('1', { requests: { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi' } }),
      reason: 'spec.containers[0].resources.requests.ephemeral-storage differs',
    },
  ])('recreates the Pod for $name (T46)', ({ from, to, reason }) => {
    const transition = between({ containers: [from] }, { containers: [to] });
    expect(transition).toMatchObject({ mode: 'recreate', reason: expect.stringContaining(reason) });
  });

  const sidecar = (image: string, more: object = {}) => ({ name: 'proxy', image, restartPolicy: 'Always', ...more });
  test('changes a sidecar in place, but not another init container', () => {
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

  test('recreates the Pod for another claim template, even if the image differs as well (T63)', () => {
    const claims = { volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: {} }] };
    expect(planTransition(revision(base), revision(base, claims))).toMatchObject({ mode: 'recreate' });
  });

  test('recreates a Pod of unknown revision', () => {
    expect(planTransition(undefined, revision(base))).toMatchObject({ mode: 'recreate' });
  });

  test('ignores the order of fields in volumes, and omitted defaults (T47, T48)', () => {
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
  test('writes image, revision and record at once, and is refused for a stale Pod (T43)', () => {
    const transition = inPlace({ labels: { tier: 'x' }, images: [{ name: 'app', image: 'app:v2' }] });
    const seen = pod([running('app', 'id1', { containerID: 'c1' }), running('side', 'id2', { containerID: 'c2' })]);
    const patch = inPlacePatch(seen, { revision: 'web-2', transition });
    expect(patch).toMatchObject({
      metadata: { resourceVersion: '1', labels: { tier: 'x', [REVISION_LABEL]: 'web-2' } },
      spec: { containers: [{ name: 'app', image: 'app:v2' }] },
    });
    expect(JSON.parse(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION] ?? '')).toEqual({
      containerStates: {
        app: {
          latestImage: 'app:v2',
          lastImageID: 'id1',
          before: { image: 'app:v1', imageID: 'id1', containerID: 'c1' },
        },
        side: { latestImage: 'side:v1', before: { image: 'side:v1', imageID: 'id2', containerID: 'c2' } },
      },
      from: 'web-1',
    });
  });

  test('writes an empty record and no spec if only metadata changes (T44)', () => {
    const transition = inPlace({ labels: { tier: 'x' } });
    const patch = inPlacePatch(pod(), {
      revision: 'web-2',
      transition,
      labels: { [PREPARING_TO_DELETE_LABEL]: null },
    });
    expect(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION]).toBe('{}');
    expect(patch).not.toHaveProperty('spec');
    expect(patch.metadata.labels).not.toHaveProperty(PREPARING_TO_DELETE_LABEL);
  });

  test('continues an unwritten resize with the size of the next revision', () => {
    const unwritten = aMember({
      id: 0,
      annotations: { [LAST_POD_STATUS_ANNOTATION]: JSON.stringify({ resize: { app: { requests: { cpu: '2' } } } }) },
    });
    const resources = [{ name: 'app', resources: { requests: { cpu: '3' }, limits: {} } }];
    const patch = inPlacePatch(unwritten, { revision: 'web-3', transition: inPlace({ resources }) });
    expect(JSON.parse(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION] ?? '')).toMatchObject({
      resize: { app: { requests: { cpu: '3' }, limits: {} } },
      from: 'web-1',
    });
  });

  test('records the images that may be running if an earlier change is not finished', () => {
    const first = { latestImage: 'app:v1', before: { image: 'app:v0', imageID: 'id0', containerID: 'c0' } };
    const record = { containerStates: { app: first, side: { latestImage: 'side:v1', before: { image: 'side:v1' } } } };
    const transition = inPlace({ images: [{ name: 'app', image: 'app:v2' }] });
    const next = (status: object) => {
      const patch = inPlacePatch(pod([status], record), { revision: 'web-2', transition });
      return JSON.parse(patch.metadata.annotations[LAST_POD_STATUS_ANNOTATION] ?? '').containerStates.app.before;
    };
    expect(next(running('app', 'id0', { containerID: 'c0' }))).toEqual({ ...first.before, passed: ['app:v1'] });
    expect(next(running('app', 'id0', { containerID: 'c1' }))).toEqual({
      imageID: 'id0',
      containerID: 'c1',
      passed: ['app:v0', 'app:v1'],
    });
    expect(next(running('app', 'id1', { containerID: 'c1' }))).toEqual({
      image: 'app:v1',
      imageID: 'id1',
      containerID: 'c1',
    });
  });
});
