import { COLLA_SETS, POD_TRANSITION_RULES, PODS, type PodTransitionRule } from '@kuperator/api';
import type { Cluster } from '@kuperator/cluster';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { kstatusOf } from '../kstatus.ts';
import type { LiveSets } from './live-sets.ts';
import { BAD, template } from './objects.ts';
import { EVENTS } from './resources.ts';

/** The engine reports an unanswered rule after 10 s, a stopped operator is noticed after 20 to 40 s, and texts are written within 10 s. */
const TOLD_MS = 120_000;

/** What the conditions of a set say about what it waits for. */
export function holding(sets: LiveSets, cluster: () => Cluster): void {
  const { client, ref, get, create, edit, serving, remove, conditionOf, list } = sets;
  const says = (name: string, type: string, text: RegExp) =>
    eventually(async () => expect((await conditionOf(name, type))?.message).toMatch(text), TOLD_MS);
  const requiring = async (name: string, labels: Record<string, string>) => {
    const rule = { name: 'consent', labelCheck: { requires: { matchLabels: labels } } };
    const spec = { selector: { matchLabels: { app: name } }, rules: [rule] };
    await client().create(POD_TRANSITION_RULES, { metadata: ref(name), spec } as unknown as PodTransitionRule);
  };

  test('names the kubelet that cannot pull, in an update and in a new set', async () => {
    await create('pulling', { replicas: 2 });
    await serving('pulling', 2);
    await edit('pulling', { template: template('pulling', BAD) });
    await says('pulling', 'Update', /kubelet cannot pull app:non-exist \(ErrImagePull\)/);
    expect(kstatusOf(await get(COLLA_SETS, 'pulling'))).toBe('InProgress');
    await create('new', { template: template('new', BAD) });
    await says('new', 'Available', /^0 of 1 Pods are available; Pod new-\w+: kubelet cannot pull app:non-exist/);
  });

  test('quotes the message of the scheduler', async () => {
    await create('homeless', {
      template: template('homeless', 'app:v1', { spec: { nodeSelector: { none: 'such' } } }),
    });
    await says('homeless', 'Available', /cannot be scheduled: 0\/\d+ nodes are available/);
  });

  test('names the rule that refuses', async () => {
    await create('refused', { replicas: 2 });
    await serving('refused', 2);
    await requiring('refused', { consent: 'yes' });
    await edit('refused', { template: template('refused', 'app:v2') });
    await says(
      'refused',
      'Update',
      /^2 Pods: rule refused\/consent: labels of holding\/refused-\w+ do not match consent=yes/,
    );
    expect(await conditionOf('refused', 'Update')).toMatchObject({ status: 'Unknown', reason: 'Updating' });
  });

  test.each([
    { operator: 'podtransitionrule-engine', name: 'no-engine' },
    { operator: 'podopslifecycle-coordinator', name: 'no-coordinator' },
  ])('names $operator when it is not running, and no longer when it is', async ({ operator, name }) => {
    await create(name, { replicas: 1 });
    await serving(name, 1);
    await cluster().stop(operator);
    try {
      await requiring(name, { app: name });
      await edit(name, { template: template(name, 'app:v2') });
      await says(name, 'Update', new RegExp(`${operator} is not running`));
    } finally {
      await cluster().start(operator);
    }
    await serving(name, 1);
    await says(name, 'Update', /^$/);
  });

  test('reports Pods that a changed selector left behind', async () => {
    await create('moved', { replicas: 1 });
    const [left] = await serving('moved', 1);
    const name = left?.metadata.name ?? '';
    await edit('moved', { selector: { matchLabels: { app: 'elsewhere' } }, template: template('elsewhere', 'app:v1') });
    await says('moved', 'Scale', new RegExp(`^1 Pod keeps running outside the set, .*: ${name}$`));
    await eventually(async () => {
      const events = await list(EVENTS);
      expect(events.find(({ reason }) => reason === 'TargetReleased')).toBeDefined();
    });
    await remove(PODS, name);
    await says('moved', 'Scale', /^$/);
  });
}
