import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type BinaryName =
  | 'etcd'
  | 'nats-server'
  | 'helm'
  | 'kwok'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubectl'
  | 'kubelet'
  | 'kube-proxy';

/** A Go module under `binaries/`: the commands that are built from it, and the module whose version it has. */
export type Product = {
  name: string;
  /** The folder that holds `go.mod` and `go.sum`. */
  folder: string;
  module: string;
  /** Import path of each command. */
  packages: Partial<Record<BinaryName, string>>;
  /** Additional linker flags, which a release build of the product also sets. */
  linkerFlags: (version: string) => readonly string[];
};

const binariesFolder = join(import.meta.dirname, '..', 'binaries');
const kubernetes = (command: string) => `k8s.io/kubernetes/cmd/${command}`;

export const products: readonly Product[] = [
  {
    name: 'etcd',
    folder: join(binariesFolder, 'etcd'),
    module: 'go.etcd.io/etcd/server/v3',
    packages: { etcd: 'go.etcd.io/etcd/server/v3' },
    linkerFlags: () => [],
  },
  {
    name: 'nats',
    folder: join(binariesFolder, 'nats'),
    module: 'github.com/nats-io/nats-server/v2',
    packages: { 'nats-server': 'github.com/nats-io/nats-server/v2' },
    linkerFlags: () => [],
  },
  {
    name: 'kubernetes',
    folder: join(binariesFolder, 'kubernetes'),
    module: 'k8s.io/kubernetes',
    packages: {
      'kube-apiserver': kubernetes('kube-apiserver'),
      'kube-controller-manager': kubernetes('kube-controller-manager'),
      'kube-scheduler': kubernetes('kube-scheduler'),
      kubectl: kubernetes('kubectl'),
      kubelet: kubernetes('kubelet'),
      'kube-proxy': kubernetes('kube-proxy'),
    },
    linkerFlags: kubernetesVersionFlags,
  },
  {
    name: 'kwok',
    folder: join(binariesFolder, 'kwok'),
    module: 'sigs.k8s.io/kwok',
    packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' },
    linkerFlags: () => [],
  },
  {
    name: 'helm',
    folder: join(binariesFolder, 'helm'),
    module: 'helm.sh/helm/v4',
    packages: { helm: 'helm.sh/helm/v4/cmd/helm' },
    // Helm renders charts for the Kubernetes version of its client library. A module build has both versions in its build info.
    linkerFlags: (version) => [`-X helm.sh/helm/v4/internal/version.version=${version}`],
  },
];

/** The version of `module` in a `require` line of `goMod`. Throws if there is none. */
export function pinnedVersion(goMod: string, module: string): string {
  for (const line of goMod.split('\n')) {
    const [path, version] = line
      .replace(/^\s*require\s+/, '')
      .trim()
      .split(/\s+/);
    if (path === module && version?.startsWith('v')) return version;
  }
  throw new Error(`go.mod requires no ${module}`);
}

/** Flags of `go build` that affect the binaries of `product`. */
export function buildFlags(product: Product, version: string): readonly string[] {
  return ['-trimpath', '-buildvcs=false', '-ldflags', ['-s -w', ...product.linkerFlags(version)].join(' ')];
}

/** Folder name of a product in the cache. It changes with everything that changes a binary. */
export function cacheFolderName(product: Product, platform: string): string {
  const goMod = readFileSync(join(product.folder, 'go.mod'), 'utf8');
  const goSum = readFileSync(join(product.folder, 'go.sum'), 'utf8');
  const version = pinnedVersion(goMod, product.module);
  const hash = createHash('sha256')
    .update(JSON.stringify([goMod, goSum, buildFlags(product, version), platform]))
    .digest('hex');
  return `${product.name}-${version}-${hash.slice(0, 12)}`;
}

function kubernetesVersionFlags(version: string): readonly string[] {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean', gitCommit: version };
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).map(([name, value]) => `-X ${path}.${name}=${value}`),
  );
}
