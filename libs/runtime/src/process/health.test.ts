import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Health } from './health.ts';
import { createMetrics } from './metrics.ts';

async function startHealth() {
  const metrics = createMetrics('test', { processMetrics: false });
  const health = new Health({ host: '127.0.0.1', port: 0, metrics });
  await health.start();
  onTestFinished(() => health.stop());
  const get = (path: string) => fetch(`http://127.0.0.1:${health.port}${path}`);
  return { health, metrics, get };
}

test('is ready only while every required check passes, and names the failing ones', async () => {
  const { health, get } = await startHealth();
  let synced = false;
  health.addCheck('informer/pods', () => synced || 'the first list is not complete');
  health.addCheck('nats', () => 'disconnected', { required: false });
  const unready = await get('/readyz');
  expect(unready.status).toBe(503);
  expect(await unready.json()).toEqual({
    ready: false,
    checks: {
      'informer/pods': { ok: false, required: true, detail: 'the first list is not complete' },
      nats: { ok: false, required: false, detail: 'disconnected' },
    },
  });
  synced = true;
  expect((await get('/readyz?verbose')).status).toBe(200);
  expect((await get('/livez')).status).toBe(200);
});

test('ignores the checks that the probe excludes, but still shows them', async () => {
  const { health, get } = await startHealth();
  health.addCheck('watch/pods', () => 'not followed for 20 s: forbidden');
  expect((await get('/readyz')).status).toBe(503);
  expect((await get('/readyz?exclude=wat')).status).toBe(503);
  const excluded = await get('/readyz?exclude=watch');
  expect(excluded.status).toBe(200);
  expect(await excluded.json()).toMatchObject({
    ready: true,
    checks: { 'watch/pods': { ok: false, required: false } },
  });
  expect((await get('//')).status).toBe(404);
});

test('shows the metrics (T95)', async () => {
  const { metrics, get } = await startHealth();
  metrics.counter({ name: 'kuperator_things_total', help: 'Things.' }).inc();
  const response = await get('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await response.text()).toContain('kuperator_things_total{app="test"} 1');
  expect((await get('/else')).status).toBe(404);
});

test('reports that its port is in use', async () => {
  const { health, metrics } = await startHealth();
  const second = new Health({ host: '127.0.0.1', port: health.port, metrics });
  await expect(second.start()).rejects.toThrow('EADDRINUSE');
});

test('answers only reads, and accepts no body', async () => {
  const { health } = await startHealth();
  const url = `http://127.0.0.1:${health.port}/metrics`;
  const posted = await fetch(url, { method: 'POST', body: 'x'.repeat(1_000_000) }).catch(() => undefined);
  // The connection may be closed while the body is still on its way.
  expect(posted?.status ?? 405).toBe(405);
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
});

test('answers probes while other clients leave hundreds of requests unfinished', async () => {
  const { health, get } = await startHealth();
  const sockets = Array.from({ length: 400 }, () => connect(health.port, '127.0.0.1').on('error', () => {}));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.write('GET /livez HTTP/1.1\r\nx-unfinished: ');
  expect((await get('/livez')).status).toBe(200);
});
