import { describe, expect, test } from 'vitest';
import { richTemplate } from '../../test/templates.ts';
import { goForm } from './go-form.ts';
import { GO_TYPES_1_36 } from './go-types.gen.ts';
import { meaningOf } from './meaning.ts';

type Path = readonly (string | number)[];

const template = 'PodTemplateSpec';
const inSpec = (spec: object) => ({ spec: { containers: [], ...spec } });
const inContainer = (container: object) => inSpec({ containers: [{ name: 'a', image: 'a:1', ...container }] });
const inVolume = (source: object) => inSpec({ volumes: [{ name: 'v', ...source }] });

describe('a written-out default means the same as a missing one (T108, T110)', () => {
  const probe = (more: object) => inContainer({ livenessProbe: { httpGet: { port: 80 }, ...more } });
  const env = (valueFrom: object) => inContainer({ env: [{ name: 'E', valueFrom }] });
  const cpu = { resource: 'limits.cpu' };
  const iscsi = { targetPortal: 't', iqn: 'i', lun: 0 };
  test.each<{ name: string; written: object; left: object }>([
    {
      name: 'of the Pod',
      written: inSpec({
        dnsPolicy: 'ClusterFirst',
        restartPolicy: 'Always',
        schedulerName: 'default-scheduler',
        securityContext: {},
        terminationGracePeriodSeconds: 30,
        enableServiceLinks: true,
        hostNetwork: false,
        hostIPC: false,
        hostPID: false,
        nodeName: '',
        tolerations: [],
        nodeSelector: {},
        affinity: null,
      }),
      left: inSpec({}),
    },
    {
      name: 'of the service account, which has two names',
      written: inSpec({ serviceAccount: 'a', serviceAccountName: 'a' }),
      left: inSpec({ serviceAccountName: 'a' }),
    },
    {
      name: 'of a container',
      written: inContainer({
        imagePullPolicy: 'IfNotPresent',
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        resources: {},
        stdin: false,
        tty: false,
        ports: [{ containerPort: 80, protocol: 'TCP', hostPort: 0 }],
      }),
      left: inContainer({ ports: [{ containerPort: 80 }] }),
    },
    {
      name: 'of the pull policy of the tag latest',
      written: inContainer({ image: 'a:latest', imagePullPolicy: 'Always' }),
      left: inContainer({ image: 'a:latest' }),
    },
    {
      name: 'of requests, which are those of the limits',
      written: inContainer({ resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m' } } }),
      left: inContainer({ resources: { limits: { cpu: 1, memory: '1024Mi' } } }),
    },
    {
      name: 'of ports on the host’s network',
      written: inSpec({ hostNetwork: true, containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort: 80 }] }] }),
      left: inSpec({ hostNetwork: true, containers: [{ name: 'a', ports: [{ containerPort: 80 }] }] }),
    },
    {
      name: 'of a probe',
      written: probe({
        httpGet: { port: 80, path: '/', scheme: 'HTTP' },
        initialDelaySeconds: 0,
        timeoutSeconds: 1,
        periodSeconds: 10,
        successThreshold: 1,
        failureThreshold: 3,
      }),
      left: probe({}),
    },
    {
      name: 'of a gRPC probe',
      written: inContainer({ readinessProbe: { grpc: { port: 9000, service: '' } } }),
      left: inContainer({ readinessProbe: { grpc: { port: 9000 } } }),
    },
    {
      name: 'of a lifecycle hook',
      written: inContainer({ lifecycle: { preStop: { httpGet: { port: 'http', path: '/', scheme: 'HTTP' } } } }),
      left: inContainer({ lifecycle: { preStop: { httpGet: { port: 'http' } } } }),
    },
    {
      name: 'of a field’s reference',
      written: env({ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } }),
      left: env({ fieldRef: { fieldPath: 'metadata.name' } }),
    },
    {
      name: 'of a divisor',
      written: env({ resourceFieldRef: { ...cpu, divisor: '0' } }),
      left: env({ resourceFieldRef: cpu }),
    },
    {
      name: 'of an iSCSI volume',
      written: inVolume({
        iscsi: {
          ...iscsi,
          iscsiInterface: 'default',
          readOnly: false,
          chapAuthDiscovery: false,
          chapAuthSession: false,
        },
      }),
      left: inVolume({ iscsi }),
    },
    {
      name: 'of disks',
      written: inSpec({
        volumes: [
          { name: 'a', awsElasticBlockStore: { volumeID: 'v', partition: 0, readOnly: false } },
          { name: 'b', gcePersistentDisk: { pdName: 'p', partition: 0 } },
          { name: 'c', scaleIO: { gateway: 'g', sslEnabled: false, storageMode: 'ThinProvisioned', fsType: 'xfs' } },
          { name: 'd', rbd: { image: 'i', pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' } },
          {
            name: 'e',
            azureDisk: { diskName: 'd', cachingMode: 'ReadWrite', kind: 'Shared', fsType: 'ext4', readOnly: false },
          },
        ],
      }),
      left: inSpec({
        volumes: [
          { name: 'a', awsElasticBlockStore: { volumeID: 'v' } },
          { name: 'b', gcePersistentDisk: { pdName: 'p' } },
          { name: 'c', scaleIO: { gateway: 'g' } },
          { name: 'd', rbd: { image: 'i' } },
          { name: 'e', azureDisk: { diskName: 'd' } },
        ],
      }),
    },
    { name: 'of a volume without a source', written: inVolume({ emptyDir: {} }), left: inVolume({}) },
    {
      name: 'of modes',
      written: inSpec({
        volumes: [
          { name: 'a', secret: { secretName: 's', defaultMode: 420 } },
          { name: 'b', configMap: { name: 'c', defaultMode: 420 } },
          {
            name: 'c',
            projected: { defaultMode: 420, sources: [{ serviceAccountToken: { expirationSeconds: 3600 } }] },
          },
          { name: 'd', downwardAPI: { defaultMode: 420 } },
          { name: 'e', hostPath: { path: '/', type: '' } },
        ],
      }),
      left: inSpec({
        volumes: [
          { name: 'a', secret: { secretName: 's' } },
          { name: 'b', configMap: { name: 'c' } },
          { name: 'c', projected: { sources: [{ serviceAccountToken: {} }] } },
          { name: 'd', downwardAPI: {} },
          { name: 'e', hostPath: { path: '/' } },
        ],
      }),
    },
    {
      name: 'of an ephemeral claim',
      written: inVolume({
        ephemeral: {
          volumeClaimTemplate: {
            metadata: { creationTimestamp: null },
            spec: { volumeMode: 'Filesystem', resources: {} },
          },
        },
      }),
      left: inVolume({ ephemeral: { volumeClaimTemplate: { spec: {} } } }),
    },
  ])('$name', ({ written, left }) => {
    expect(meaningOf(written, template)).toBe(meaningOf(left, template));
  });

  test('of a claim', () => {
    const left = { metadata: { name: 'd' }, spec: { resources: { requests: { storage: '1Gi' } } } };
    const written = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'd', creationTimestamp: null, labels: {} },
      spec: { resources: { requests: { storage: '1024Mi' } }, volumeMode: 'Filesystem', volumeName: '' },
      status: { phase: 'Pending' },
    };
    expect(meaningOf(written, 'PersistentVolumeClaim')).toBe(meaningOf(left, 'PersistentVolumeClaim'));
  });

  test('in whatever form Go writes the template', () => {
    expect(meaningOf(goForm(richTemplate(), template), template)).toBe(meaningOf(richTemplate(), template));
  });
});

describe('values that differ for the API server differ in meaning', () => {
  test('every value of a rich template, changed or removed', () => {
    const rich = richTemplate();
    const meaning = meaningOf(rich, template);
    const same: string[] = [];
    for (const path of leavesOf(rich)) {
      for (const change of [changed, undefined]) {
        const mutant = withChange(rich, path, change);
        if (meaningOf(mutant, template) === meaning) same.push(path.join('.'));
      }
    }
    // These zeros are not pointers, so the API server cannot distinguish them from missing values.
    expect(same).toEqual(['spec.volumes.8.iscsi.lun']);
  });

  test('every field of every type, present or not', () => {
    const same = Object.entries(GO_TYPES_1_36).flatMap(([type, fields]) => {
      const full = Object.fromEntries(Object.entries(fields).map(([field, of]) => [field, aValueOf(of)]));
      return Object.keys(fields)
        .filter((field) => meaningOf(withChange(full, [field], undefined), type) === meaningOf(full, type))
        .map((field) => `${type}.${field}`);
    });
    // True is the default. The two names of the service account are equivalent.
    expect(same).toEqual(['PodSpec.enableServiceLinks', 'PodSpec.serviceAccount', 'PodSpec.serviceAccountName']);
  });

  test.each([
    ['terminationGracePeriodSeconds', inSpec({ terminationGracePeriodSeconds: 0 })],
    ['automountServiceAccountToken', inSpec({ automountServiceAccountToken: false })],
    ['enableServiceLinks', inSpec({ enableServiceLinks: false })],
    ['hostUsers', inSpec({ hostUsers: false })],
    ['shareProcessNamespace', inSpec({ shareProcessNamespace: false })],
    ['a user', inSpec({ securityContext: { runAsUser: 0 } })],
    ['an optional key', inVolume({ secret: { optional: false } })],
    ['a mode', inVolume({ secret: { defaultMode: 0 } })],
    ['an emptyDir’s limit', inVolume({ emptyDir: { sizeLimit: '0' } })],
  ])('the zero value of a pointer differs from a missing one: %s', (_, zero) => {
    expect(meaningOf(zero, template)).not.toBe(meaningOf(inSpec({}), template));
    expect(meaningOf(zero, template)).not.toBe(meaningOf(inVolume({ secret: {} }), template));
  });

  test.each([
    ['a selector for all and one for none', { labelSelector: {} }, {}],
    ['names and numbers of ports', { port: '80' }, { port: 80 }],
  ])('%s', (_, a, b) => {
    const spread = (more: object) => inSpec({ topologySpreadConstraints: [more] });
    const get = (more: object) => inContainer({ livenessProbe: { httpGet: more } });
    for (const put of [spread, get]) expect(meaningOf(put(a), template)).not.toBe(meaningOf(put(b), template));
  });

  test.each([
    ['the default of another tag', { image: 'a:1', imagePullPolicy: 'Always' }, { image: 'a:1' }],
    ['a tag and a digest', { image: `a:latest@sha256:${'0'.repeat(64)}`, imagePullPolicy: 'IfNotPresent' }, undefined],
    ['what is no image', { image: 'A B', imagePullPolicy: 'Always' }, undefined],
  ])('a pull policy: %s', (_, written, left) => {
    const { imagePullPolicy: __, ...rest } = written;
    expect(meaningOf(inContainer(written), template)).not.toBe(meaningOf(inContainer(left ?? rest), template));
  });

  test('fields that the types do not have', () => {
    const meanings = [{}, { someday: 0 }, { someday: 1 }, { someday: '' }].map((more) =>
      meaningOf(inSpec(more), template),
    );
    expect(new Set(meanings).size).toBe(4);
  });
});

const changed = Symbol('changed');

/** Paths of all scalar values, and of empty objects and lists. */
function leavesOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [at];
  return Object.entries(value).flatMap(([key, item]) =>
    leavesOf(item, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}

function withChange(value: unknown, [key, ...rest]: Path, change: symbol | undefined): unknown {
  if (key === undefined) return change === changed ? other(value) : undefined;
  if (Array.isArray(value)) {
    const copy: unknown[] = [...value];
    const item = withChange(copy[Number(key)], rest, change);
    if (item === undefined) copy.splice(Number(key), 1);
    else copy[Number(key)] = item;
    return copy;
  }
  const { [key]: item, ...others } = value as Record<string, unknown>;
  const left = withChange(item, rest, change);
  return left === undefined ? others : { ...others, [key]: left };
}

function other(value: unknown): unknown {
  if (typeof value === 'string') return /^\d/.test(value) ? '7' : `${value}x`;
  if (typeof value === 'number') return value + 1;
  return typeof value === 'boolean' ? !value : { x: '1' };
}

/** A value of the type that is not empty and not a default. */
function aValueOf(type: string): unknown {
  if (type.endsWith('!')) return aValueOf(type.slice(0, -1));
  if (type.startsWith('*')) return aValueOf(type.slice(1));
  if (type.startsWith('[]')) return [aValueOf(type.slice(2))];
  if (type.startsWith('{}')) return { key: aValueOf(type.slice(2)) };
  if (GO_TYPES_1_36[type]) return { someField: 1 };
  if (type === 'bool') return true;
  if (type === 'int' || type === 'IntOrString') return 7;
  return type === 'Quantity' ? '7' : 'set';
}
