import type { PodTemplateSpec } from '@kuperator/api';

const probe = { httpGet: { port: 8080 }, initialDelaySeconds: 5 };

/** A Pod spec that uses every type with a default and omits all defaults. */
export function richTemplate(): PodTemplateSpec {
  return {
    metadata: { labels: { app: 'rich', empty: '' }, annotations: { note: 'a < b' } },
    spec: {
      serviceAccountName: 'runner',
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      initContainers: [{ name: 'init', image: 'init@sha256:'.concat('a'.repeat(64)), args: ['-c', 'true'] }],
      containers: [
        {
          name: 'app',
          image: 'registry.example.com:5000/team/app:v1.2.3',
          ports: [{ name: 'http', containerPort: 8080 }],
          env: [
            { name: 'EMPTY' },
            { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
            { name: 'KEY', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: false } } },
          ],
          resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { memory: '512Mi' } },
          livenessProbe: { grpc: { port: 9000 } },
          readinessProbe: probe,
          startupProbe: { tcpSocket: { port: 'http' }, failureThreshold: 30 },
          lifecycle: {
            preStop: { httpGet: { port: 'http', path: '/stop' } },
            postStart: { exec: { command: ['true'] } },
          },
          securityContext: { privileged: false, runAsNonRoot: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
        },
        { name: 'latest', image: 'latest', readinessProbe: { exec: { command: ['true'] } } },
      ],
      volumes: [
        { name: 'scratch' },
        { name: 'sized', emptyDir: { sizeLimit: '1Gi' } },
        { name: 'secret', secret: { secretName: 's' } },
        { name: 'config', configMap: { name: 'c', items: [{ key: 'k', path: 'p' }] } },
        { name: 'host', hostPath: { path: '/h' } },
        { name: 'down', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        {
          name: 'projected',
          projected: {
            sources: [
              { serviceAccountToken: { path: 'token' } },
              {
                downwardAPI: {
                  items: [
                    { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
                    { path: 'cpu', resourceFieldRef: { containerName: 'app', resource: 'limits.cpu' } },
                  ],
                },
              },
            ],
          },
        },
        {
          name: 'claimed',
          ephemeral: {
            volumeClaimTemplate: {
              metadata: { labels: { a: 'b' } },
              spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
            },
          },
        },
        { name: 'iscsi', iscsi: { targetPortal: '10.0.0.1', iqn: 'iqn.2001-04.com.example:a', lun: 0 } },
        { name: 'rbd', rbd: { monitors: ['10.0.0.1'], image: 'i' } },
        { name: 'azure', azureDisk: { diskName: 'd', diskURI: 'https://example.com/d.vhd' } },
        { name: 'scale-io', scaleIO: { gateway: 'g', system: 's', secretRef: { name: 's' }, volumeName: 'v' } },
        { name: 'ebs', awsElasticBlockStore: { volumeID: 'v' } },
        { name: 'gce', gcePersistentDisk: { pdName: 'p' } },
      ],
      tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 0, effect: 'NoExecute' }],
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
      ],
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, podAffinityTerm: { topologyKey: 'zone', labelSelector: { matchLabels: { app: 'rich' } } } },
          ],
        },
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Exists' }] }],
          },
        },
      },
    },
  } as PodTemplateSpec;
}
