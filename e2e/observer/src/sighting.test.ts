import type { Pod } from '@kuperator/api';
import { expect, test } from 'vitest';
import { touchesOf } from './sighting.ts';

type Given = { image?: string; container?: string; deletionTimestamp?: string };

function pod({ image = 'web:v1', container = 'one', ...metadata }: Given = {}): Pod {
  const status = { name: 'web', image, imageID: image, containerID: container, ready: true, restartCount: 0 };
  return {
    metadata: { namespace: 'shop', name: 'a', uid: 'uid', ...metadata },
    spec: { containers: [{ name: 'web', image }] },
    status: { containerStatuses: container === '' ? [] : [status] },
  };
}

test.each([
  { name: 'nothing', old: pod(), now: pod(), touches: [] },
  { name: 'a new image', old: pod(), now: pod({ image: 'web:v2' }), touches: ['image web:v1 → web:v2'] },
  { name: 'another container', old: pod(), now: pod({ container: 'two' }), touches: ['container replaced'] },
  { name: 'a first container', old: pod({ container: '' }), now: pod(), touches: [] },
  { name: 'a deletion with a grace period', old: pod(), now: pod({ deletionTimestamp: 'now' }), touches: ['deleted'] },
  { name: 'a deletion without a grace period', old: pod(), now: pod(), gone: true, touches: ['deleted'] },
  {
    name: 'the end of the grace period',
    old: pod({ deletionTimestamp: 'now' }),
    now: pod({ deletionTimestamp: 'now' }),
    gone: true,
    touches: [],
  },
])('recognises which changes $name makes', ({ old, now, gone = false, touches }) => {
  expect(touchesOf(old, { version: 7n, atMs: 0, pod: now, gone }).map(({ what }) => what)).toEqual(touches);
});
