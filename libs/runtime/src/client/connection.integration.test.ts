import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkKubeconfig, KubeconfigError, loadConnection } from './connection.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kuperator-kubeconfig-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Given = { server?: string; current?: string; context?: string; user?: object; cluster?: object };

function kubeconfig({
  server = 'https://127.0.0.1:6443',
  current = 'here',
  context = 'c',
  ...more
}: Given = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': current,
    contexts: [{ name: 'here', context: { cluster: context, user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server, ...more.cluster } }],
    users: [{ name: 'u', user: more.user ?? { token: 't' } }],
  });
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

test('uses the server of a kubeconfig', async () => {
  const path = await file('good', kubeconfig({ server: 'https://example.org:6443/prefix/' }));
  await checkKubeconfig(path);
  expect(await loadConnection(path)).toMatchObject({ origin: 'https://example.org:6443', basePath: '/prefix' });
});

test('skips missing files in a list of kubeconfigs', async () => {
  const path = await file('one-of-two', kubeconfig());
  await checkKubeconfig([join(folder, 'missing'), path].join(delimiter));
  await expect(checkKubeconfig([join(folder, 'missing'), join(folder, 'too')].join(delimiter))).rejects.toThrow(
    'no such file',
  );
});

test.each([
  { name: 'a file that is not YAML', text: '{{', says: '' },
  { name: 'an empty file', text: '', says: '' },
  { name: 'no current context', text: kubeconfig({ current: '' }), says: 'names no current context' },
  { name: 'an unknown context', text: kubeconfig({ current: 'there' }), says: 'no context there' },
  { name: 'an unknown cluster', text: kubeconfig({ context: 'x' }), says: 'no cluster x' },
  {
    name: 'a server that is not a URL',
    text: kubeconfig({ server: 'localhost' }),
    says: 'server is no URL: "localhost"',
  },
  {
    name: 'a client certificate that does not exist',
    text: kubeconfig({ user: { 'client-certificate': '/nowhere.crt', 'client-key': '/nowhere.key' } }),
    says: '/nowhere.crt',
  },
])('$name is reported in one line with the file and what is allowed', async ({ text, says }) => {
  const path = await file('bad', text);
  const error = await checkKubeconfig(path).then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(KubeconfigError);
  const { message } = error as KubeconfigError;
  expect(message).toMatch(/^KUBECONFIG .*; allowed: a kubeconfig file, or nothing for /);
  expect(message).toContain(path);
  expect(message).toContain(says);
  expect(message).not.toContain('\n');
});

test('without any kubeconfig, the error says where it was searched', async () => {
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KUBECONFIG', undefined);
  await expect(checkKubeconfig()).rejects.toThrow('KUBECONFIG is not set, and there is neither ~/.kube/config nor');
  vi.unstubAllEnvs();
});
