// The operations of a CollaSet on one node, with several CollaSets at a time. No request over a new connection fails, and every Pod is
// out of the packet filter before its container is asked to stop.
import { TO_REPLACE_LABEL } from '@kuperator/api';
import { describe, expect, test } from 'vitest';
import type { Application } from './application.ts';
import { tagOf } from './images.ts';
import { operate, replicas, rollImage } from './rolls.ts';
import { stage } from './stage.ts';

const on = stage();
const cpuOf = (round: number) => (round % 2 === 0 ? '30m' : '20m');
const namesOf = (application: Application) => application.pods().map(({ metadata }) => metadata.name ?? '');

describe.concurrent('nothing is lost when', () => {
  test('a new image rolls in place', async () => {
    const outcome = await operate(on, { title: 'new image, in place', name: 'in-place' }, rollImage);
    expect(outcome.uidsAfter).toEqual(outcome.uidsBefore);
  });

  test('a new image and new resources are rolled in one update', async () => {
    const title = 'new image and resources, in place';
    const outcome = await operate(on, { title, name: 'image-and-resources' }, async ({ application, round }) => {
      await application.update({ tag: tagOf(round), cpu: cpuOf(round) });
      await application.serves();
      expect(new Set(await application.versions())).toEqual(new Set([tagOf(round)]));
    });
    expect(outcome.uidsAfter).toEqual(outcome.uidsBefore);
  });

  test('a change of resources stops no container', async () => {
    const outcome = await operate(on, { title: 'resize', name: 'resize' }, async ({ application, round }) => {
      await application.update({ tag: 'v1', cpu: cpuOf(round) });
      await application.serves();
      const requests = application.pods().map(({ status }) => status?.containerStatuses?.[0]?.resources?.requests?.cpu);
      expect(new Set(requests)).toEqual(new Set([cpuOf(round)]));
    });
    expect(outcome.uidsAfter).toEqual(outcome.uidsBefore);
    expect(outcome.measured.stops).toEqual([]);
  });

  test('a change that cannot be made in place recreates the Pods', async () => {
    const outcome = await operate(on, { title: 'recreate', name: 'recreate' }, async ({ application, round }) => {
      await application.update({ tag: 'v1', setting: `of round ${round}` });
      await application.serves();
    });
    expect(new Set(outcome.uidsAfter).isDisjointFrom(new Set(outcome.uidsBefore))).toBe(true);
  });

  test('a new image replaces the Pods under the policy Replace', async () => {
    const options = { name: 'replace-update', upgradePolicy: 'Replace' } as const;
    const outcome = await operate(on, { title: 'replace by update', ...options }, rollImage);
    expect(new Set(outcome.uidsAfter).isDisjointFrom(new Set(outcome.uidsBefore))).toBe(true);
  });

  test('Pods that are labelled for replacement are replaced one by one', async () => {
    await operate(on, { title: 'replace by label', name: 'replace' }, async ({ application }) => {
      for (const name of namesOf(application)) {
        await application.kubectl(['label', 'pod', name, `${TO_REPLACE_LABEL}=true`]);
        await application.gone(name);
        await application.serves();
      }
    });
  });

  test('a CollaSet is scaled out and in', async () => {
    await operate(on, { title: 'scale out and in', name: 'scale' }, async ({ application }) => {
      for (const count of [replicas + 2, replicas]) {
        await application.scale(count);
        await application.serves();
        expect(application.pods()).toHaveLength(count);
      }
    });
  });

  test('Pods are deleted one by one', async () => {
    await operate(on, { title: 'delete', name: 'delete' }, async ({ application }) => {
      for (const name of namesOf(application)) {
        await application.kubectl(['delete', 'pod', name]);
        await application.serves();
      }
    });
  });

  test('Pods are evicted one by one', async () => {
    await operate(on, { title: 'evict', name: 'evict' }, async ({ application }) => {
      for (const name of namesOf(application)) {
        await application.evict(name);
        await application.serves();
      }
    });
  });
});
