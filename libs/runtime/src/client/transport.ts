/** One HTTP request to the API server. `path` includes the query; `body` is sent as it is. */
export type TransportRequest = {
  method: string;
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
  /** Media type of the answer; application/json by default. */
  accept?: string | undefined;
  /** Time limit for the complete answer, in milliseconds. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
};

/** Header names are lower case. */
export type TransportResponse = { status: number; headers: Record<string, string | undefined>; body: string };

/** A response whose body is read as it arrives. */
export type TransportStream = {
  status: number;
  headers: Record<string, string | undefined>;
  body: AsyncIterable<Uint8Array>;
};

/**
 * How requests reach an API server: HTTP in a process, the in-memory cluster in tests. Both calls reject with
 * ConnectionError when no answer came; an HTTP failure is an answer.
 */
export type Transport = {
  send(request: TransportRequest): Promise<TransportResponse>;
  /** Resolves when the headers have arrived; `timeoutMs` limits this wait only. Aborting `signal` ends the body. */
  stream(request: TransportRequest): Promise<TransportStream>;
  close(): Promise<void>;
};
