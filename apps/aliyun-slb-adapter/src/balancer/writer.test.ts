import { systemClock } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { CloudError } from '../cloud/errors.ts';
import type { Balancer, Server } from './balancer.ts';
import { balancerWriter } from './writer.ts';

const { signal } = new AbortController();
const servers = (count: number): Server[] =>
  Array.from({ length: count }, (_, index) => ({
    serverId: `eni-${index}`,
    ip: `10.0.0.${index}`,
    port: 80,
    weight: 100,
    type: 'eni',
    description: '',
    isChanging: false,
  }));

function recording(fail: (call: number) => CloudError | undefined = () => undefined) {
  const calls: string[] = [];
  let open = 0;
  let most = 0;
  const verb = (name: string) => async (group: string, of: readonly Server[]) => {
    most = Math.max(most, ++open);
    calls.push(`${name} ${group} ${of.length}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open--;
    const error = fail(calls.length);
    if (error) throw error;
  };
  const balancer = { add: verb('add'), weigh: verb('weigh'), remove: verb('remove') } as unknown as Balancer;
  return { writer: balancerWriter(balancer, { batchSize: 20, clock: systemClock }), calls, most: () => most };
}

const error = (kind: CloudError['kind']) => new CloudError(kind, { kind, code: kind });

test('servers are written in batches, one call at a time for a load balancer', async () => {
  const { writer, calls, most } = recording();
  const call = { loadBalancer: 'lb-1', signal };
  await Promise.all([writer.add('a', servers(45), call), writer.weigh('b', servers(3), call)]);
  expect(most()).toBe(1);
  expect(calls.toSorted()).toEqual(['add a 20', 'add a 20', 'add a 5', 'weigh b 3']);
});

test('load balancers do not wait for each other', async () => {
  const { writer, most } = recording();
  await Promise.all(['lb-1', 'lb-2'].map((loadBalancer) => writer.add('a', servers(1), { loadBalancer, signal })));
  expect(most()).toBe(2);
});

test('a busy load balancer is asked again, and an unclear outcome is not', async () => {
  const busy = recording((call) => (call === 1 ? error('busy') : undefined));
  await busy.writer.add('a', servers(1), { loadBalancer: 'lb-1', signal });
  expect(busy.calls).toEqual(['add a 1', 'add a 1']);
  const unclear = recording((call) => (call === 1 ? error('unclear') : undefined));
  const call = { loadBalancer: 'lb-1', signal };
  await expect(unclear.writer.add('a', servers(1), call)).rejects.toThrow('unclear');
  await unclear.writer.remove('a', servers(1), call);
  expect(unclear.calls).toEqual(['add a 1', 'remove a 1']);
});

test('a write that waits ends when the pass does', async () => {
  const { writer, calls } = recording(() => error('busy'));
  const abort = new AbortController();
  const writing = writer.add('a', servers(1), { loadBalancer: 'lb-1', signal: abort.signal });
  setTimeout(() => abort.abort(new Error('the Lease is lost')), 50);
  await expect(writing).rejects.toThrow('the Lease is lost');
  expect(calls).toHaveLength(1);
});
