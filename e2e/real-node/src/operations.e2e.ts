// The operations of a set on one node. No request over a new connection fails, and every container is out of the packet filter before
// it is asked to stop.
import { expect, test } from 'vitest';
import { expectNothingLost, measure } from './operation.ts';
import { stage } from './stage.ts';

const on = stage();
const tagOf = (round: number) => (round % 2 === 0 ? 'v2' : 'v1');
const all = (version: string, count = 4) => Array.from({ length: count }, () => version);

test('a new image rolls in place', async () => {
  const application = await on.deploy({ name: 'in-place', replicas: 4 });
  const { cluster } = on;
  const uids = application.pods().map(({ metadata }) => metadata.uid);
  const measured = await measure('new image, in place', { cluster, application }, async (round) => {
    await application.update({ tag: tagOf(round) });
    await application.serves();
    expect(await application.versions()).toEqual(all(tagOf(round)));
  });
  expect(application.pods().map(({ metadata }) => metadata.uid)).toEqual(uids);
  expectNothingLost(measured);
});
