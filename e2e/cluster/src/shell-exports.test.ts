import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { shellExports } from './shell-exports.ts';

const evaluated = (lines: readonly string[], show: string) =>
  execFileSync('/bin/sh', ['-c', `${lines.join('\n')}\nprintf %s "${show}"`], {
    env: { PATH: '/bin:/with space' },
  }).toString();

test('a shell that evaluates the lines has the environment, with the cluster’s kubectl first on PATH', () => {
  const lines = shellExports({
    env: { KUBECONFIG: "/it's/here", NATS_URL: '' },
    kubectlPath: '/cache/kubernetes/kubectl',
  });
  expect(evaluated(lines, '$KUBECONFIG')).toBe("/it's/here");
  expect(evaluated(lines, '$PATH')).toBe('/cache/kubernetes:/bin:/with space');
});
