// The node itself is disturbed in the middle of a roll: nothing is lost by that either.
import { afterEach, expect, test } from 'vitest';
import { tagOf } from './images.ts';
import { containerdOf, crash, kubeletOf } from './nodes.ts';
import { expectNothingLost, measure } from './operation.ts';
import { stage } from './stage.ts';

const on = stage();

afterEach(async () => {
  await on.finish();
});

test.each([
  { process: kubeletOf(1), name: 'kubelet-killed' },
  { process: containerdOf(1), name: 'containerd-killed' },
])('$process is killed in the middle of a roll', async ({ process, name }) => {
  const application = await on.deploy({ name, replicas: 4 });
  const uids = new Set(application.pods().map(({ metadata }) => metadata.uid));
  const title = `new image, in place, ${process.replace(/-\d+$/, '')} killed`;
  const measured = await measure(title, { cluster: on.cluster, application }, async (round) => {
    const tag = tagOf(round);
    await application.update({ tag });
    await application.reached(tag, 2);
    await crash(on.cluster, process);
    await application.serves();
    expect(await application.versions()).toEqual([tag, tag, tag, tag]);
  });
  expect(new Set(application.pods().map(({ metadata }) => metadata.uid))).toEqual(uids);
  expectNothingLost(measured);
});
