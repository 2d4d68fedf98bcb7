// An update in place is finished once the container runs from the new spec, and not before. So no Pod restarts while it is in service.
import { describe, expect, test } from 'vitest';
import { type Application, ask, isDeclaredFinished } from './application.ts';
import { readSignals } from './evidence.ts';
import { missing, retagged, tagOf } from './images.ts';
import { expectNothingLost, measure } from './operation.ts';
import { stage } from './stage.ts';

const on = stage();
const replicas = 2;

/** Versions of Pods that counted as finished while their container was not running. */
function finishedWithoutContainer(application: Application): readonly string[] {
  return application.observer
    .sighting()
    .pods.filter(({ pod, gone }) => !gone && isDeclaredFinished(pod))
    .filter(({ pod }) => pod.status?.containerStatuses?.some(({ state }) => state?.running === undefined))
    .map(({ pod, version }) => `${pod.metadata.name} at version ${version}`);
}

describe.concurrent('an update in place is finished when the new container runs, and not before', () => {
  test('with the same content under another tag, the container restarts before the Pod is back in service', async () => {
    await using application = await on.deploy({ name: 'retag', replicas });
    const options = { cluster: on.cluster, application };
    const measured = await measure('new tag of the same content', options, async (round) => {
      const updatedAtMs = Date.now();
      await application.update({ tag: round % 2 === 0 ? retagged : 'v1' });
      await application.serves();
      const restarted = (await readSignals('retag')).filter(({ atMs, what }) => what === 'START' && atMs > updatedAtMs);
      const names = application.pods().map(({ metadata }) => metadata.name);
      expect(new Set(restarted.map(({ pod }) => pod))).toEqual(new Set(names));
    });
    expect(finishedWithoutContainer(application)).toEqual([]);
    expectNothingLost(measured);
  });

  test('a container may die after the change of its spec and before the kubelet acts on the change', async () => {
    await using application = await on.deploy({ name: 'dying', replicas });
    const options = { cluster: on.cluster, application };
    const measured = await measure('container dies before its restart', options, async (round) => {
      const tag = tagOf(round);
      const deaths = application.pods().map(async (pod) => {
        await application.asked(pod, tag);
        await ask(pod, '/exit').catch(() => {}); // the container dies before it answers
      });
      await application.update({ tag });
      await Promise.all(deaths);
      await application.serves();
      expect(await application.versions()).toEqual([tag, tag]);
    });
    expect(finishedWithoutContainer(application)).toEqual([]);
    expectNothingLost(measured);
  });

  test('an update can be rolled back from an image that no node has', async () => {
    await using application = await on.deploy({ name: 'missing', replicas });
    const options = { cluster: on.cluster, application };
    const measured = await measure('roll-back from a missing image', options, async () => {
      await application.update({ tag: missing });
      await application.waits(missing, 'ErrImageNeverPull');
      await application.names('ErrImageNeverPull');
      await application.update({ tag: 'v1' });
      await application.serves();
      expect(await application.versions()).toEqual(['v1', 'v1']);
    });
    expect(finishedWithoutContainer(application)).toEqual([]);
    expectNothingLost(measured);
  });
});
