import type { Pod } from '@kuperator/api';
import { answerFor, aPod, INHERITED_NAMES, plainNameLike } from '@kuperator/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aContextInput, aMember, aRevision, aSet } from '../test/builders.ts';
import { fitsInPlaceOf } from './act/quota.ts';
import { claimTemplateHash } from './claims/claim-template.ts';
import { claimFor } from './claims/claims.ts';
import { freshRevisions, ownerUidsWith, poolOf } from './ids/instance-id.ts';
import { membersOf } from './ids/members.ts';
import { planContext } from './plan/context.ts';
import { inPlacePatch, planTransition } from './plan/in-place.ts';
import { isContainerEnded, unfinished } from './plan/in-place-end.ts';
import { includes, resizesBetween, totalOf } from './plan/resources.ts';
import { firstDifference } from './revision/difference.ts';
import { goForm } from './revision/go-form.ts';
import { meaningOf } from './revision/meaning.ts';
import { revisionDataOf, revisionOf } from './revision/revision-data.ts';
import { agreesWithSelector, selectorLabelsOf } from './revision/selector-labels.ts';
import { trimPod } from './trim.ts';

/** A template that uses `name` wherever a user may choose a name. */
const templateOf = (name: string, image: string, amount: string) => ({
  metadata: { labels: { app: 'web', [name]: image }, annotations: { [name]: image } },
  spec: {
    containers: [
      {
        name,
        image,
        ports: [{ name, containerPort: 80 }],
        env: [{ name, value: 'a' }],
        resources: { limits: { cpu: amount, [name]: '1' }, requests: { [name]: '1' } },
        volumeMounts: [{ name, mountPath: '/a' }],
      },
      { name: 'side', image: 'side:v1' },
    ],
    volumes: [{ name, emptyDir: {} }],
    nodeSelector: { [name]: 'a' },
    [name]: { [name]: 'a field of the future' },
  },
});

const revisionWith = (name: string, image: string, amount: string) =>
  aRevision('r', { template: templateOf(name, image, amount), volumeClaimTemplates: [claimTemplate(name)] } as never);

const claimTemplate = (name: string) => ({
  metadata: { name, labels: { [name]: 'a' }, annotations: { [name]: 'a' } },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi', [name]: '1' } } },
});

/** The Pod after the patch, with the given images. */
function patched(
  pod: Pod,
  patch: { metadata: { labels: object; annotations: object } },
  images: readonly string[],
): Pod {
  const { labels, annotations, resourceVersion: _, ...metadata } = pod.metadata;
  const containers = pod.spec.containers.map((container, index) => ({ ...container, image: images[index] ?? '' }));
  return {
    ...pod,
    metadata: {
      ...metadata,
      labels: { ...labels, ...patch.metadata.labels } as Record<string, string>,
      annotations: { ...annotations, ...patch.metadata.annotations } as Record<string, string>,
    },
    spec: { ...pod.spec, containers },
  };
}

test.each(
  INHERITED_NAMES,
)('a change in place of a container named %s is planned, recorded and ended as any other', (name) => {
  fc.assert(
    fc.property(
      fc.constantFrom('a:v1', 'a:v2'),
      fc.constantFrom('1', '2'),
      fc.constantFrom('sha256:a:v1', 'sha256:a:v2', ''),
      fc.boolean(),
      (image, amount, runs, isRestarted) => {
        const answers = (container: string): unknown => {
          const from = revisionWith(container, 'a:v1', '1');
          const to = revisionWith(container, image, amount);
          const transition = planTransition(from, to);
          const pod = aPod({
            metadata: { name: 'web-a', uid: 'a' },
            spec: { containers: from.template.spec.containers as never },
            status: {
              containerStatuses: [container, 'side'].map((each, index) => ({
                name: each,
                image: '',
                imageID: index === 0 ? 'sha256:a:v1' : 'sha256:side',
                containerID: `id-${index}`,
                ready: true,
                restartCount: 0,
              })),
            },
          });
          if (transition.mode !== 'in-place') return transition;
          const patch = inPlacePatch(pod, { revision: 'web-2', transition });
          const changed = patched(pod, patch, [image, 'side:v1']);
          const [first, side] = changed.status?.containerStatuses ?? [];
          const after = {
            ...changed,
            status: {
              ...changed.status,
              containerStatuses: [
                { ...first, imageID: runs, containerID: isRestarted ? 'id-2' : 'id-0', image, state: { running: {} } },
                side,
              ],
            },
          } as Pod;
          return [
            transition,
            patch,
            unfinished(after, { nowMs: 0 }),
            isContainerEnded(after, container, { nowMs: 0 }),
            inPlacePatch(after, { revision: 'web-3', transition }),
            trimPod(after),
          ];
        };
        expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
      },
    ),
    { numRuns: 40 },
  );
});

test.each(INHERITED_NAMES)('templates with the name %s are compared and written as any others', (name) => {
  const answers = (chosen: string): unknown => {
    const template = templateOf(chosen, 'a:v1', '1');
    const other = templateOf('another', 'a:v1', '1');
    const specs = [template.spec, other.spec] as never as Pod['spec'][];
    const [spec, otherSpec] = specs as [Pod['spec'], Pod['spec']];
    return [
      goForm(template, 'PodTemplateSpec'),
      meaningOf(template, 'PodTemplateSpec'),
      meaningOf({ metadata: { [chosen]: {} }, [chosen]: 1 }, 'PodTemplateSpec'),
      firstDifference(template.spec, other.spec, 'spec'),
      firstDifference({}, { [chosen]: 'a' }, 'spec'),
      firstDifference({ [chosen]: 'a' }, {}, 'spec'),
      totalOf(spec, 'limits'),
      totalOf(spec, 'requests'),
      resizesBetween(spec, otherSpec),
      includes({ limits: {} }, { requests: {}, limits: { [chosen]: '1' } }),
      includes({ limits: { [chosen]: '1' } }, { requests: {}, limits: { [chosen]: '1' } }),
      fitsInPlaceOf(`exceeded quota: q, requested: ${chosen}=1, used: ${chosen}=1, limited: ${chosen}=1`, spec),
    ];
  };
  expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
});

test.each(INHERITED_NAMES)('a set, a claim template and entries named %s are as any others', (name) => {
  const answers = (chosen: string): unknown => {
    const set = aSet(
      {
        selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: chosen, operator: 'Exists' }] },
        template: templateOf(chosen, 'a:v1', '1'),
        volumeClaimTemplates: [claimTemplate(chosen)],
      } as never,
      { metadata: { name: chosen, uid: 'u' } },
    );
    const unlabelled = aSet({ selector: set.spec.selector } as never);
    const contexts = [
      { id: 0, data: { Owner: chosen, Revision: 'web-1', [chosen]: 'a' } },
      { id: 1, data: { Owner: 'another', [chosen]: 'a' } },
      { id: 2 },
    ];
    const context = {
      metadata: {
        name: chosen,
        annotations: { 'collaset.kusionstack.io/owner-uids': JSON.stringify({ [chosen]: 'u', another: 'v' }) },
      },
      spec: { contexts },
    };
    const bare = { metadata: { name: chosen }, spec: { contexts } };
    const pool = poolOf(set, context);
    return [
      selectorLabelsOf(set),
      selectorLabelsOf(unlabelled),
      agreesWithSelector(set, { app: 'web', [chosen]: 'a' }),
      agreesWithSelector(set, { app: 'web' }),
      pool,
      poolOf(set, bare),
      ownerUidsWith(set, context, contexts),
      ownerUidsWith(set, bare, contexts),
      freshRevisions(set, { fresh: [3], kept: ['web-1'], updated: 'web-2', current: 'web-1' }),
      claimFor(set, { id: 0, template: claimTemplate(chosen) as never, attempt: 0 }).metadata.labels?.[
        'collaset.kusionstack.io/pvc-template-name'
      ],
      claimFor(set, { id: 0, template: claimTemplate(chosen) as never, attempt: 0 }).spec,
      revisionOf('r', revisionDataOf(set)).template,
    ];
  };
  expect(answerFor(name, answers)).toBe(answerFor(plainNameLike(name), answers));
  expect(claimTemplateHash(claimTemplate(name) as never)).not.toBe(claimTemplateHash(claimTemplate('other') as never));
});

test.each(INHERITED_NAMES)('an entry of the context keeps what others wrote into it under %s', (name) => {
  const set = aSet({ replicas: 1 });
  const contexts = [{ id: 0, data: { Owner: 'web', Revision: 'web-1', [name]: 'theirs' } }];
  const pool = poolOf(set, { metadata: { name: 'web' }, spec: { contexts } });
  const members = membersOf(set, [aMember({ id: 0 })]);
  const plan = planContext(aContextInput({ set, pool, members }));
  expect(Object.entries(plan.entries[0]?.data ?? {})).toContainEqual([name, 'theirs']);
});
