import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

type Run = {
  child: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
  until: (text: string) => Promise<void>;
};

function run(env: Record<string, string>, args: string[] = [], fixture = 'fixture-process.ts'): Run {
  const script = join(import.meta.dirname, '..', 'test', fixture);
  const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env.PATH ?? '', ...env } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  const waiting = new Set<() => void>();
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
    for (const check of waiting) check();
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const until = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (output.includes(text)) resolve();
      };
      waiting.add(check);
      ended.then(() => reject(new Error(`ended before "${text}": ${output}`)), reject);
      check();
    });
  return { child, output: () => output, ended, until };
}

function said(output: string): string[] {
  return output.split('\n').filter((line) => /^(start|stop) /.test(line));
}

test.each(['SIGTERM', 'SIGINT'] as const)('stops in reverse order on %s and exits with 0', async (signal) => {
  const { child, output, ended, until } = run({ FIXTURE: 'orderly' });
  await until('"msg":"started"');
  child.kill(signal);
  expect(await ended).toBe(0);
  expect(said(output())).toEqual(['start first', 'start second', 'stop second', 'stop first']);
  expect(output()).toContain(`"cause":"${signal}"`);
});

test('exits with 1 if it does not stop within its grace period', async () => {
  const { child, output, ended, until } = run({ FIXTURE: 'hangs', SHUTDOWN_GRACE_SECONDS: '1' });
  await until('"msg":"started"');
  child.kill('SIGTERM');
  expect(await ended).toBe(1);
  expect(output()).toContain('did not stop in time');
});

test.each([
  { fixture: 'crashes', message: 'uncaught exception' },
  { fixture: 'rejects', message: 'unhandled rejection' },
  { fixture: 'fails-to-start', message: 'start failed' },
])('a process that $fixture logs it and exits with 1', async ({ fixture, message }) => {
  const { output, ended } = run({ FIXTURE: fixture });
  expect(await ended).toBe(1);
  expect(output()).toContain(`"msg":"${message}"`);
  expect(output()).toContain('"level":"fatal"');
});

test('exits with 2 on wrong settings and with 0 on --help, without a stack', async () => {
  const wrong = run({ FIXTURE: 'orderly', HTTP_PORT: 'x' });
  expect(await wrong.ended).toBe(2);
  expect(wrong.output()).toBe(
    'HTTP_PORT: "x" is not allowed; allowed: whole number 0–65535 (port of /livez, /readyz and /metrics; 0 picks a free port)\n',
  );
  const help = run({}, ['--help']);
  expect(await help.ended).toBe(0);
  expect(help.output()).toMatch(/SHUTDOWN_GRACE_SECONDS +--shutdown-grace-seconds +20 /);
});

test('an operator without a kubeconfig exits with 2 and one line that says what is missing and what is allowed', async () => {
  const { output, ended } = run({ KUBECONFIG: '/nowhere/config' }, [], 'fixture-operator.ts');
  expect(await ended).toBe(2);
  expect(output()).toMatch(/^KUBECONFIG \/nowhere\/config: no such file; allowed: .*\n$/);
});
