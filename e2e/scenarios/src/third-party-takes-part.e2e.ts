// Third parties act only with kubectl here: labels, annotations and finalizers are the whole interface.

import type { Pod } from '@kuperator/api';
import { leastInTraffic, touchedInTraffic } from '@kuperator/observer';
import { expect, test } from 'vitest';
import { DEADLINE_MS, lifecycleLabels } from './application.ts';
import { stage } from './stage.ts';
import { ThirdParty } from './third-party.ts';

const on = stage();

/** Whether the CollaSet's update of the Pod is finished and waits for another operation on the Pod. */
function isParked(pod: Pod): boolean {
  const labels = lifecycleLabels(pod).filter((key) => key.endsWith('/collaset'));
  return (
    labels.includes('operate.podopslifecycle.kusionstack.io/collaset') &&
    !labels.includes('operating.podopslifecycle.kusionstack.io/collaset')
  );
}

test('an operation controller restarts a Pod during its update: there is one drain, and traffic returns only after both', async () => {
  const namespace = 'restart';
  const app = await on.deploy({ namespace, replicas: 3, maxUnavailable: 1, image: 'web:v1' });
  const restart = new ThirdParty(on.cluster, app, namespace);

  await restart.label('operating/job-1=1', 'operation-type/job-1=Restart');
  await restart.until('is permitted to restart', 'operate/job-1');
  await app.changeTemplate({ image: 'web:v2' });
  await app.reached('web:v2', 1);
  await app.observer.until('its update is done and waits', () => isParked(restart.pod), DEADLINE_MS);
  await app.observer.untilQuiet(1000, DEADLINE_MS);
  // The update of this Pod needed no slot, because the Pod was already out, and the Pod still uses the budget.
  expect(app.pods().filter((pod) => pod.spec.containers[0]?.image === 'web:v2')).toEqual([restart.pod]);
  expect(restart.isInTraffic()).toBe(false);

  await restart.label('operating/job-1-');
  await app.serves({ replicas: 3, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(leastInTraffic(sighting)).toBe(2);
  expect(touchedInTraffic(sighting)).toEqual([]);
});

test('a cooperation controller holds the drain until its traffic is off, and the end of the operation until it is on', async () => {
  const namespace = 'balancer';
  const app = await on.deploy({ namespace, replicas: 2, maxUnavailable: 1, image: 'web:v1' });
  const balancer = new ThirdParty(on.cluster, app, namespace);
  await balancer.expectFinalizer();
  await balancer.addFinalizer();

  await app.changeTemplate({ image: 'web:v2' });
  await balancer.until('waits for traffic to end', 'preparing/collaset');
  await app.observer.until('its other traffic is off', () => balancer.finalizers().length === 1, DEADLINE_MS);
  await app.observer.untilQuiet(1000, DEADLINE_MS);
  expect(balancer.isInTraffic()).toBe(false);
  expect(balancer.pod.spec.containers[0]?.image).toBe('web:v1');

  await balancer.removeFinalizer();
  await balancer.until('waits for traffic to be on', 'completing/collaset');
  await app.observer.until('its other traffic is on', () => balancer.isInTraffic(), DEADLINE_MS);
  await app.observer.untilQuiet(1000, DEADLINE_MS);
  expect(lifecycleLabels(balancer.pod)).toContain('completing.podopslifecycle.kusionstack.io/collaset');
  expect(app.isInService(balancer.pod)).toBe(false);

  await balancer.addFinalizer();
  await app.serves({ replicas: 2, image: 'web:v2' });
  const sighting = app.observer.sighting();
  expect(leastInTraffic(sighting)).toBe(1);
  expect(touchedInTraffic(sighting)).toEqual([]);
});

const begin = ['operating/job-1=1', 'operation-type/job-1=Restart'];

/** How to bring an operation to a phase and keep it there, and what to release before the Pod can serve again. */
const phases: readonly {
  phase: string;
  label: string;
  hold?: (party: ThirdParty) => Promise<void>;
  go?: (party: ThirdParty) => Promise<void>;
  release?: (party: ThirdParty) => Promise<void>;
}[] = [
  { phase: 'PreCheck', label: 'pre-check/job-1', hold: (party) => party.requireConsent('PreCheck') },
  { phase: 'Preparing', label: 'preparing/job-1', hold: (party) => party.addFinalizer() },
  { phase: 'Operate', label: 'operate/job-1' },
  {
    phase: 'PostCheck',
    label: 'post-check/job-1',
    hold: (party) => party.requireConsent('PostCheck'),
    go: (party) => party.finish('job-1'),
  },
  {
    phase: 'Completing',
    label: 'completing/job-1',
    hold: (party) => party.expectFinalizer(),
    go: (party) => party.finish('job-1'),
    release: (party) => party.addFinalizer(),
  },
];

test.each(phases)('an operation undone in $phase leaves nothing behind', async ({
  phase,
  label,
  hold,
  go,
  release,
}) => {
  const namespace = `undo-${phase.toLowerCase()}`;
  const app = await on.deploy({ namespace, replicas: 1, image: 'web:v1' });
  const party = new ThirdParty(on.cluster, app, namespace);
  await hold?.(party);
  await party.label(...begin);
  await go?.(party);
  await party.until(`is in ${phase}`, label);
  await app.observer.untilQuiet(500, DEADLINE_MS);
  expect(lifecycleLabels(party.pod)).toContain(label.replace('/', '.podopslifecycle.kusionstack.io/'));

  await party.label('undo-operation-type/job-1=Restart');
  const isClean = () => lifecycleLabels(party.pod).length === 0;
  await app.observer.until('no label of the operation is left', isClean, DEADLINE_MS);
  await release?.(party);
  await app.serves({ replicas: 1, image: 'web:v1' });
  expect(app.observer.sighting().touches).toEqual([]);
});
