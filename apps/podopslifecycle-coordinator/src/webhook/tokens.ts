// The API server proves its identity by the path of its requests. The path is a secret of the webhook configurations and the replicas.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** The kinds of requests to the webhook: the last part of each path. */
export const ROUTES = ['pod-creations', 'pod-deletions', 'pod-evictions'] as const;
export type Route = (typeof ROUTES)[number];

/** The secrets from which the paths are made. All replicas know a new one before the API server does, and forget the former one last. */
export type Tokens = {
  readonly current: string;
  /** Becomes the current one later. */
  readonly next?: string;
  /** Was the current one before. */
  readonly former?: string;
  /** When a token was last added or removed, in ms since the epoch. */
  readonly changedMs: number;
};

const ROTATE_MS = 24 * 3_600_000;
/**
 * How long two tokens are accepted, both before and after the API server gets the new one. This is long compared with the minute in which each
 * replica reads the Secret, and with the delay of an API server's caches.
 */
const OVERLAP_MS = 3_600_000;

export function newToken(): string {
  return randomBytes(32).toString('hex');
}

export function isToken(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * The tokens after the next step of the rotation, if it is time for one. Pure, except for the random new token.
 * @returns the given object itself if nothing has to change
 */
export function rotated(given: Tokens | undefined, nowMs: number, make = newToken): Tokens {
  if (!given) return { current: make(), changedMs: nowMs };
  const { current, next, former, changedMs } = given;
  const ageMs = nowMs - changedMs;
  // The time was written by a clock far ahead of ours. With it, the rotation would stop until our clock gets there.
  if (ageMs < -OVERLAP_MS) return { ...given, changedMs: nowMs };
  if (next !== undefined) return ageMs < OVERLAP_MS ? given : { current: next, former: current, changedMs: nowMs };
  if (former !== undefined) return ageMs < OVERLAP_MS ? given : { current, changedMs: nowMs };
  return ageMs < ROTATE_MS ? given : { current, next: make(), changedMs: nowMs };
}

export function acceptedOf({ current, next, former }: Tokens): readonly string[] {
  return [current, next, former].filter((token) => token !== undefined);
}

/**
 * The path of a route, e.g. `/3f…/pod-deletions`. Each route has its own secret part: if no coordinator answers, the API server shows the path
 * to the user whose request it refuses, and a user who creates Pods must not learn the path of deletions.
 */
export function pathOf(token: string, route: Route): string {
  // The API server takes DNS names only between two slashes.
  return `/${createHmac('sha256', token).update(route).digest('hex')}/${route}`;
}

/** Recognises the paths of all tokens that are accepted now. */
export class PathGate {
  #digests: { readonly route: Route; readonly digest: Buffer }[] = [];

  use(tokens: readonly string[]): void {
    this.#digests = ROUTES.flatMap((route) =>
      tokens.map((token) => ({ route, digest: digestOf(pathOf(token, route)) })),
    );
  }

  /** The route of a path with an accepted token; undefined for every other path. It takes the same time for all wrong paths. */
  routeOf(path: string): Route | undefined {
    const asked = digestOf(path);
    let found: Route | undefined;
    for (const { route, digest } of this.#digests) if (timingSafeEqual(digest, asked)) found = route;
    return found;
  }
}

function digestOf(path: string): Buffer {
  return createHash('sha256').update(path).digest();
}
