import {
  COLLA_SETS,
  controllerOf,
  isTerminating,
  PERSISTENT_VOLUME_CLAIMS,
  PVC_TEMPLATE_HASH_LABEL,
} from '@kuperator/api';
import { expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import type { LiveSets } from './live-sets.ts';
import { claimOf, claims, idOf, nameOf, template } from './objects.ts';

const retain = { scaleStrategy: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain' } } };

export function retainedClaims({
  client,
  ref,
  kubectl,
  create,
  edit,
  remove,
  list,
  labelled,
  serving,
  isGone,
}: LiveSets): void {
  const claimsById = async (name: string) =>
    Object.fromEntries(
      (await labelled(PERSISTENT_VOLUME_CLAIMS, name)).map(({ metadata }) => [
        idOf({ metadata }),
        [metadata.name, metadata.uid],
      ]),
    );
  const eventsOf = (name: string, reason: string) =>
    kubectl(['get', 'events', `--field-selector=involvedObject.name=${name},reason=${reason}`, '-o', 'yaml']);

  test('stay if the set is created again with fewer replicas, and are mounted after a scale-out (T99)', async () => {
    const name = 'again';
    const spec = { ...claims('1024Ki'), ...retain };
    await create(name, { replicas: 3, ...spec });
    await serving(name, 3);
    const before = await claimsById(name);
    await remove(COLLA_SETS, name);
    await isGone(COLLA_SETS, name);
    await create(name, { replicas: 1, ...spec, ...claims('1Mi') });
    await serving(name, 1);
    await eventually(async () => expect(await eventsOf(name, 'ClaimsAdopted')).toContain('took over retained claims'));
    expect(await claimsById(name)).toEqual(before);
    await edit(name, { replicas: 3 });
    const pods = await serving(name, 3);
    expect(await claimsById(name)).toEqual(before);
    expect(Object.fromEntries(pods.map((pod) => [idOf(pod), claimOf(pod)]))).toEqual(
      Object.fromEntries(Object.entries(before).map(([id, [claim]]) => [id, claim])),
    );
    await edit(name, { replicas: 1 });
    await eventually(async () => expect(Object.keys(await claimsById(name))).toHaveLength(1));
  });

  test('are adopted under a selector with expressions (T104)', async () => {
    const name = 'expressed';
    const selector = { matchExpressions: [{ key: 'app', operator: 'In', values: [name] }] };
    const spec = { replicas: 2, selector, ...claims(), ...retain };
    await create(name, spec);
    await serving(name, 2);
    const before = await claimsById(name);
    expect(Object.keys(before)).toHaveLength(2);
    await remove(COLLA_SETS, name);
    await isGone(COLLA_SETS, name);
    await create(name, spec);
    const pods = await serving(name, 2);
    expect(pods.map(claimOf).toSorted()).toEqual(
      Object.values(before)
        .map(([claim]) => claim)
        .toSorted(),
    );
    expect(await claimsById(name)).toEqual(before);
  });

  test('are not adopted by another set with the same labels (T100)', async () => {
    const name = 'near';
    await create(name, { replicas: 1, ...claims(), ...retain });
    await serving(name, 1);
    const [claim] = await labelled(PERSISTENT_VOLUME_CLAIMS, name);
    await remove(COLLA_SETS, name);
    await isGone(COLLA_SETS, name);
    const same = { selector: { matchLabels: { app: name } }, template: template(name, 'app:v1') };
    await create('near-b', { replicas: 1, ...same, ...claims(), ...retain });
    await eventually(async () => {
      const all = (await list(PERSISTENT_VOLUME_CLAIMS, `app=${name}`)).filter((item) => !isTerminating(item));
      const owners = all.map((item) => [nameOf(item), controllerOf(item)?.name]);
      expect(owners).toHaveLength(2);
      expect(owners).toContainEqual([nameOf(claim), undefined]);
    });
    await eventually(async () => expect(await eventsOf('near-b', 'ClaimsLeftAlone')).toContain(nameOf(claim)));
    await remove(COLLA_SETS, 'near-b');
  });

  test('keep their data if the spelling of their size and another field change, with any hash (T109)', async () => {
    const name = 'spelled';
    await create(name, { replicas: 2, ...claims('1024Ki') });
    await serving(name, 2);
    const before = await claimsById(name);
    const another = { metadata: { labels: { [PVC_TEMPLATE_HASH_LABEL]: 'another' } } };
    for (const [claim] of Object.values(before)) {
      await client().patch(PERSISTENT_VOLUME_CLAIMS, ref(claim ?? ''), { type: 'merge', body: another });
    }
    // The Pod is recreated, because the environment cannot change in place.
    const anew = template(name, 'app:v1', { env: [{ name: 'test', value: 'bar' }] });
    await edit(name, { template: anew, ...claims('1Mi') });
    const pods = await serving(name, 2);
    expect(await claimsById(name)).toEqual(before);
    expect(new Set(pods.map(claimOf))).toEqual(new Set(Object.values(before).map(([claim]) => claim)));
  });
}
