import { createLogger } from '@kuperator/runtime';
import { InMemoryCluster } from '@kuperator/testing';
import { expect, test, vi } from 'vitest';
import { OwnerCache } from './owner-cache.ts';
import { type ReplicaOwner, STATEFUL_SETS, trimOwner } from './owners.ts';

test('reads nothing until it is used, then reports when it is complete and every change after that', async () => {
  const cluster = new InMemoryCluster();
  const owner = { metadata: { namespace: 'shop', name: 'web', uid: 'a' }, spec: { replicas: 2 } };
  cluster.add(STATEFUL_SETS, owner);
  const [onChange, onRead] = [vi.fn(), vi.fn()];
  const logger = createLogger({ app: 'test', level: 'silent' });
  const { client } = cluster;
  const cache = new OwnerCache({
    informer: { client, resource: STATEFUL_SETS, trim: trimOwner, logger },
    onChange,
    onRead,
    onFailure: (error) => {
      throw error;
    },
  });
  await cache.stop();
  expect(cache.get('shop/web')).toBe('unread');
  await vi.waitFor(() => expect(onRead).toHaveBeenCalledOnce());
  expect(cache.get('shop/web')).toMatchObject({ spec: { replicas: 2 } });
  expect(onChange).not.toHaveBeenCalled();
  cluster.change<ReplicaOwner>(STATEFUL_SETS, 'shop/web', (old) => ({ ...old, spec: { replicas: 3 } }));
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
  await cache.stop();
});
