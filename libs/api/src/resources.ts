import type { CollaSet } from './collaset.ts';
import type {
  ControllerRevision,
  EndpointSlice,
  KubeObject,
  Lease,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  Service,
} from './core.ts';
import { API_GROUP, API_VERSION } from './names.ts';
import type { PodTransitionRule } from './podtransitionrule.ts';
import type { ResourceContext } from './resourcecontext.ts';

/** The names of a kind in the API, from which a client builds paths. `T` is the type of its objects. */
export type Resource<T extends KubeObject = KubeObject> = {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: carries the object type for inference. */
  readonly __object?: T;
};

/** Returns the `apiVersion` of the objects: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version;
}

const core = (kind: string, plural: string) => ({ group: '', version: 'v1', kind, plural, namespaced: true });
const ours = (kind: string, plural: string) => ({
  group: API_GROUP,
  version: API_VERSION,
  kind,
  plural,
  namespaced: true,
});

export const PODS: Resource<Pod> = core('Pod', 'pods');
export const POD_TEMPLATES: Resource<PodTemplate> = core('PodTemplate', 'podtemplates');
export const SERVICES: Resource<Service> = core('Service', 'services');
export const PERSISTENT_VOLUME_CLAIMS: Resource<PersistentVolumeClaim> = core(
  'PersistentVolumeClaim',
  'persistentvolumeclaims',
);
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
export const CONTROLLER_REVISIONS: Resource<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
};
export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
export const COLLA_SETS: Resource<CollaSet> = ours('CollaSet', 'collasets');
export const POD_TRANSITION_RULES: Resource<PodTransitionRule> = ours('PodTransitionRule', 'podtransitionrules');
export const RESOURCE_CONTEXTS: Resource<ResourceContext> = ours('ResourceContext', 'resourcecontexts');
