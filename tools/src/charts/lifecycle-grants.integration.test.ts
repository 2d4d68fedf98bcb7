import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, ensureBinaries, startCluster } from '@kuperator/cluster';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

const charts = join(import.meta.dirname, '..', '..', '..', 'deploy', 'charts');
const DOMAIN = 'podopslifecycle.kusionstack.io';
/** With rights to write Pods, so that it is the policy that speaks. */
const as = (user: string) => [`--as=${user}`, '--as-group=system:masters'];
const operator = (name: string) => as(`system:serviceaccount:kuperator-system:${name}`);
let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ operators: ['podopslifecycle-coordinator'], nats: false });
  await cluster.stop('podopslifecycle-coordinator');
  await cluster.kubectl(['apply', '--filename=-'], await restrictedGrants());
  await cluster.kubectl(['run', 'web', '--image=web:1', '--labels=kusionstack.io/control=true']);
  const isEnforced = () => expect(label(as('stranger'), `operate.${DOMAIN}/a=1`, '--dry-run=server')).rejects.toThrow();
  await vi.waitFor(isEnforced, { timeout: 60_000, interval: 100 });
});
afterAll(() => cluster?.down());

/** The policy as the chart renders it when it is asked for. */
async function restrictedGrants(): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'kuperator-grants-'));
  try {
    const chart = join(scratch, 'podopslifecycle-coordinator');
    cpSync(join(charts, 'podopslifecycle-coordinator'), chart, { recursive: true });
    cpSync(join(charts, 'operator'), join(chart, 'charts', 'operator'), { recursive: true });
    const helm = (await ensureBinaries(() => {}, ['helm'])).path('helm');
    const values = ['--set=lifecycleLabels.grants.restricted=true', '--set=lifecycleLabels.grants.users={trusted}'];
    const only = '--show-only=templates/lifecycle-grants.yaml';
    const args = ['template', 'coordinator', chart, '--namespace=kuperator-system', only, ...values];
    return execFileSync(helm, args, { encoding: 'utf8' });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function label(who: readonly string[], ...changes: string[]): Promise<string> {
  return cluster.kubectl(['label', 'pod', 'web', '--overwrite', ...changes, ...who]);
}

test.each([
  'coordinator',
  'controller',
])('a stranger cannot let an operation go on, and is told who can (as %s)', async (stranger) => {
  const granting = label(as(stranger), `operate.${DOMAIN}/a=1`);
  await expect(granting).rejects.toThrow(
    `failed to validate PodOpsLifecycleWebhook, label operate.${DOMAIN}/a is set by ${stranger}: allowed are`,
  );
  await expect(granting).rejects.toThrow('system:serviceaccount:kuperator-system:podopslifecycle-coordinator');
  const passing = label(as(stranger), `pre-checked.${DOMAIN}/a=1`, `operation-permission.${DOMAIN}/Restart=1`);
  await expect(passing).rejects.toThrow('failed to validate PodOpsLifecycleWebhook');
});

test('a stranger may begin, finish and undo an operation that an operator let go on', async () => {
  const stranger = as('stranger');
  await label(stranger, `operating.${DOMAIN}/a=1`, `operation-type.${DOMAIN}/a=Restart`);
  const coordinator = operator('podopslifecycle-coordinator');
  await label(coordinator, `pre-checked.${DOMAIN}/a=1`, `operation-permission.${DOMAIN}/Restart=1`);
  await label(operator('endpointslice-adapter'), `operate.${DOMAIN}/a=1`);
  await label(stranger, 'other=label');
  await label(stranger, `operating.${DOMAIN}/a-`);
  await label(stranger, `undo-operation-type.${DOMAIN}/a=Restart`);
  await label(stranger, `operate.${DOMAIN}/a-`);
});

test('a user named in the values may grant', async () => {
  await label(as('trusted'), `operate.${DOMAIN}/b=1`);
});
