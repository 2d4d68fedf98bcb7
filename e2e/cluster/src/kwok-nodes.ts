import { jqTrue, stage } from './kwok-stage.ts';

/** Conditions of a healthy node, with a heartbeat of now. The transition time does not change. */
const conditions = `
{{ $now := Now }}{{ $since := or .metadata.creationTimestamp $now }}
conditions:
{{ range NodeConditions }}
- {lastHeartbeatTime: {{ $now | Quote }}, lastTransitionTime: {{ $since | Quote }}, message: {{ .message | Quote }}, reason: {{ .reason | Quote }}, status: {{ .status | Quote }}, type: {{ .type | Quote }}}
{{ end }}`;

const status = (template: string) => ({
  patches: [{ subresource: 'status', root: 'status', type: 'strategic', template }],
});
const isReady = 'any(.status.conditions[]?; .type == "Ready" and .status == "True")';

export const nodeStages = [
  stage(
    { name: 'node-initialize', kind: 'Node', match: [jqTrue(`${isReady} | not`)] },
    {
      next: status(`${conditions}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ NodeName | Quote }}}
phase: Running`),
    },
  ),
  stage(
    { name: 'node-heartbeat', kind: 'Node', match: [jqTrue(isReady)] },
    {
      delay: { durationMilliseconds: 120_000, jitterDurationMilliseconds: 180_000 },
      next: status(conditions),
      immediateNextStage: true,
    },
  ),
];

/** Manifests of `count` simulated nodes, each with room for thousands of Pods. */
export function simulatedNodes(count: number): object[] {
  const room = { cpu: '4000', memory: '16Ti', 'ephemeral-storage': '16Ti', pods: '5000' };
  return Array.from({ length: count }, (_, index) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `node-${index}`,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        'kubernetes.io/hostname': `node-${index}`,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'topology.kubernetes.io/zone': `zone-${index % 3}`,
      },
    },
    status: {
      allocatable: room,
      capacity: room,
      nodeInfo: {
        architecture: 'amd64',
        bootID: '',
        containerRuntimeVersion: 'containerd://2.0.0',
        kernelVersion: 'simulated',
        kubeProxyVersion: '',
        kubeletVersion: 'v1.36.3',
        machineID: '',
        operatingSystem: 'linux',
        osImage: 'simulated',
        systemUUID: '',
      },
    },
  }));
}
