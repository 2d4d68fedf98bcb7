// npm run e2e:real-node: runs the tests on a real kubelet and a real kube-proxy, in namespaces of this machine.
import { join } from 'node:path';
import { controlPlaneBinaries, ensureBinaries } from '@kuperator/cluster';
import { Command } from 'commander';
import { cgroupOf } from './cgroups.ts';
import type { InsideOptions } from './inside.ts';
import { installPackages, missingPackages } from './packages.ts';
import { obstacle, runInSandbox } from './sandbox.ts';

type Options = { rate: string; requests: string; hold: boolean; stay: boolean };

const { KUPERATOR_E2E_LOGS: logs, CI: ci } = process.env;
const say = (line: string) => console.log(line);

async function main(vitest: readonly string[], { rate, requests, hold, stay }: Options): Promise<number> {
  const reason = await obstacle();
  if (reason !== undefined) {
    say(`No real node on this machine: ${reason}`);
    return ci ? 1 : 0;
  }
  const packages = await missingPackages();
  if (packages.length > 0) await installPackages(packages, say);
  await ensureBinaries(say, [...controlPlaneBinaries.filter((name) => name !== 'kwok'), 'kubelet', 'kube-proxy']);
  const options: InsideOptions = {
    cgroup: cgroupOf(process.pid),
    rate: Number(rate),
    requests: Number(requests),
    hold,
    stay,
    vitest,
    logs: logs ? join(logs, 'real-node') : undefined,
  };
  return runInSandbox(join(import.meta.dirname, 'inside.ts'), [JSON.stringify(options)], say);
}

const program = new Command('e2e:real-node')
  .description('Runs the tests on a real kubelet and a real kube-proxy. Arguments after -- go to Vitest.')
  .argument('[vitest...]', 'test files, or options of Vitest')
  .option('--rate <number>', 'requests a second', '250')
  .option('--requests <number>', 'minimum number of requests for each operation', '5000')
  .option('--no-hold', 'let the adapter rely on EndpointSlices at once; tests are expected to fail')
  .option('--stay', 'run no tests, and keep everything running until Ctrl-C', false)
  .action(async (vitest: string[], options: Options) => {
    process.exitCode = await main(vitest, options);
  });
await program.parseAsync();
