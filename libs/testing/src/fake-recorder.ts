import { type Key, type KubeObject, keyOf } from '@kuperator/api';
import { createLogger, EventRecorder } from '@kuperator/runtime';
import { InMemoryCluster } from './in-memory-cluster.ts';

type RecordedEvent = { type: 'Normal' | 'Warning'; key: Key; reason: string; message: string };

/** Keeps Kubernetes Events instead of writing them. */
export class FakeRecorder extends EventRecorder {
  readonly events: RecordedEvent[] = [];

  constructor() {
    const { client } = new InMemoryCluster();
    super({ client, app: 'test', instance: 'test', logger: createLogger({ app: 'test', level: 'silent' }) });
  }

  override normal(object: KubeObject, reason: string, message: string): void {
    this.events.push({ type: 'Normal', key: keyOf(object), reason, message });
  }

  override warn(object: KubeObject, reason: string, message: string): void {
    this.events.push({ type: 'Warning', key: keyOf(object), reason, message });
  }
}
