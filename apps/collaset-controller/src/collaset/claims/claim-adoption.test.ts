import {
  CONTROL_LABEL,
  INSTANCE_ID_LABEL,
  ORPHANED_LABEL,
  type PersistentVolumeClaim,
  PVC_TEMPLATE_HASH_LABEL,
  PVC_TEMPLATE_NAME_LABEL,
  RETAINED_BY_ANNOTATION,
} from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import { type AdoptionInput, planAdoption, setNameOf } from './claim-adoption.ts';

type Given = {
  name?: string;
  id?: number;
  template?: string;
  size?: string;
  labels?: Record<string, string>;
  metadata?: PersistentVolumeClaim['metadata'];
  storageClassName?: string;
};

function aClaim(given: Given = {}): PersistentVolumeClaim {
  const { id = 0, template = 'data', size = '1Gi', storageClassName = 'standard' } = given;
  const name = given.name ?? `web-${template}-abcd${id}`;
  return {
    metadata: {
      name,
      uid: name,
      namespace: 'default',
      ...given.metadata,
      labels: {
        app: 'web',
        [CONTROL_LABEL]: 'true',
        [INSTANCE_ID_LABEL]: String(id),
        [PVC_TEMPLATE_NAME_LABEL]: template,
        [PVC_TEMPLATE_HASH_LABEL]: 'unknown',
        ...given.labels,
      },
    },
    spec: { resources: { requests: { storage: size } }, storageClassName },
    status: { phase: 'Bound' },
  };
}

const templateOf = (name: string, storage = '1Gi') => ({
  metadata: { name },
  spec: { resources: { requests: { storage } } },
});

function plan(given: Partial<AdoptionInput>) {
  const { take, leave } = planAdoption({
    set: aSet(),
    unowned: [],
    owned: [],
    templates: [templateOf('data')],
    expandable: new Set(),
    orphanOf: () => undefined,
    ...given,
  });
  return { take: take.map(({ metadata }) => metadata.name), leave: leave.map(({ reason }) => reason) };
}

describe('the set that a claim belongs to', () => {
  test.each<{ name: string; claim: PersistentVolumeClaim; set: string | undefined }>([
    { name: 'is read from the name', claim: aClaim({ name: 'web-data-abcde' }), set: 'web' },
    { name: 'has dashes', claim: aClaim({ name: 'web-canary-data-abcde' }), set: 'web-canary' },
    {
      name: 'has none of them if they are the template’s',
      claim: aClaim({ name: 'web-canary-data-abcde', template: 'canary-data' }),
      set: 'web',
    },
    {
      name: 'is read from generateName where the API server cut the name',
      claim: aClaim({ name: 'w'.repeat(58), metadata: { generateName: `${'w'.repeat(70)}-data-` } }),
      set: 'w'.repeat(70),
    },
    {
      name: 'is on record for a claim that came from another set',
      claim: aClaim({ name: 'api-data-abcde', metadata: { annotations: { [RETAINED_BY_ANNOTATION]: 'web' } } }),
      set: 'web',
    },
    { name: 'is not known from another name', claim: aClaim({ name: 'backup' }), set: undefined },
    { name: 'is not known without a template', claim: aClaim({ name: 'web--abcde', template: '' }), set: undefined },
  ])('$name', ({ claim, set }) => expect(setNameOf(claim)).toBe(set));
});

describe('planAdoption', () => {
  const other = aClaim({ name: 'web-canary-data-abcde' });
  const orphaned = aClaim({ labels: { [ORPHANED_LABEL]: 'true' } });

  test.each<{ name: string; given: Partial<AdoptionInput>; take?: string[]; leave?: string[] }>([
    { name: 'takes claims of the set’s own name', given: { unowned: [aClaim()] }, take: ['web-data-abcd0'] },
    {
      name: 'leaves those of a neighbour of the same labels alone (T100)',
      given: { unowned: [other] },
      leave: ['it belongs to CollaSet web-canary'],
    },
    {
      name: 'says nothing of a neighbour of other labels',
      given: {
        unowned: [{ ...other, metadata: { ...other.metadata, labels: { ...other.metadata.labels, app: 'x' } } }],
      },
    },
    {
      name: 'leaves a claim alone whose name is of no set',
      given: { unowned: [aClaim({ name: 'backup' })] },
      leave: ['its name does not tell its CollaSet'],
    },
    {
      name: 'leaves a claim alone that another selector was for',
      given: { unowned: [aClaim({ labels: { app: 'api' } })] },
      leave: ['its labels do not match the selector'],
    },
    {
      name: 'leaves alone a second claim of an instance and template (T100)',
      given: { unowned: [aClaim()], owned: [aClaim({ name: 'web-data-first' })] },
      leave: ['instance 0 already has claim web-data-first'],
    },
    {
      name: 'takes the newer of two claims of an instance',
      given: {
        unowned: [
          aClaim({ name: 'web-data-olden', metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } }),
          aClaim({ name: 'web-data-newer', metadata: { creationTimestamp: '2026-01-02T00:00:00Z' } }),
        ],
      },
      take: ['web-data-newer'],
      leave: ['instance 0 already has claim web-data-newer'],
    },
    {
      name: 'takes claims of several templates and instances',
      given: {
        unowned: [aClaim(), aClaim({ template: 'log' }), aClaim({ id: 1 })],
        templates: [templateOf('data'), templateOf('log')],
      },
      take: ['web-data-abcd0', 'web-data-abcd1', 'web-log-abcd0'],
    },
    {
      name: 'leaves a claim alone that no template asks for',
      given: { unowned: [aClaim({ size: '2Gi' })] },
      leave: ['it does not fit any claim template of the set (size 2Gi)'],
    },
    {
      name: 'takes a claim that can grow to the size asked for',
      given: { unowned: [aClaim()], templates: [templateOf('data', '2Gi')], expandable: new Set(['standard']) },
      take: ['web-data-abcd0'],
    },
    {
      name: 'leaves one alone that cannot grow: a new claim would make it an unused one',
      given: { unowned: [aClaim()], templates: [templateOf('data', '2Gi')] },
      leave: ['it does not fit any claim template of the set (size 1Gi)'],
    },
    {
      name: 'leaves alone a claim that a Pod without an owner mounts',
      given: { unowned: [aClaim()], orphanOf: () => 'web-x' },
      leave: ['Pod web-x, which has no owner, mounts it'],
    },
    { name: 'says nothing of a claim that was let go with its Pod', given: { unowned: [orphaned] } },
    {
      name: 'takes nothing that is being deleted',
      given: { unowned: [aClaim({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })] },
    },
  ])('$name', ({ given, take = [], leave = [] }) => expect(plan(given)).toEqual({ take, leave }));

  test('adopts claims with and without the labels of a selector with expressions (T104)', () => {
    const expression = { key: 'app', operator: 'In' as const, values: ['web'] };
    const set = aSet({ selector: { matchLabels: undefined, matchExpressions: [expression] } });
    const bare = aClaim({ id: 1 });
    const { app: _, ...labels } = bare.metadata.labels ?? {};
    const unowned = [
      aClaim(),
      { ...bare, metadata: { ...bare.metadata, labels } },
      aClaim({ id: 2, labels: { app: 'x' } }),
    ];
    expect(plan({ set, unowned })).toEqual({
      take: ['web-data-abcd0', 'web-data-abcd1'],
      leave: ['its labels do not match the selector'],
    });
  });
});
